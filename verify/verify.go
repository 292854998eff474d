// Package verify carries the second verifier, so that an installation can hand
// it out to whoever wants to check a file without it.
package verify

import _ "embed"

// Program is verify.py.
//
//go:embed verify.py
var Program []byte
