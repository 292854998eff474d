// Package mail sends letters. Nothing is sent unless the operator named a
// server.
package mail

import "context"

// A Message is one letter to one person, in plain text: what it says must be
// readable everywhere, and nobody should have to trust its links.
type Message struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// A Sender hands letters to a server.
type Sender interface {
	Send(ctx context.Context, m Message) error
}
