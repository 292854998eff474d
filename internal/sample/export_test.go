package sample

// Lines is how files are read.
var Lines = lines
