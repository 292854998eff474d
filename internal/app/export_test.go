package app

// NewServer is a server as the program sets it up.
var NewServer = (*App).server
