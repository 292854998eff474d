// Package e2e holds journeys: what people come to do, in a real browser, on a
// real server, on input that a real source gave. It has tests only.
package e2e
