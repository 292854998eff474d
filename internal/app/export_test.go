package app

// NewServer is a server as the program sets it up.
var NewServer = (*App).server

// Receive takes apart the stream in which a server sends a backup.
var Receive = receive
