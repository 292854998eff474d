package auth

import "time"

// Begin counts an attempt to sign in, as CheckPassword does first.
func (t *Throttle) Begin(key string, now time.Time) time.Duration { return t.begin(key, free, now) }

// Forgive ends the count, as a right password does.
func (t *Throttle) Forgive(key string) { t.forgive(key) }

// Remembered is how many addresses are counted.
func (t *Throttle) Remembered() int { return len(t.tries) }

// MaxMemory bounds them.
const MaxMemory = maxMemory

// PasswordMatches compares a password with what is stored of it.
var PasswordMatches = passwordMatches

// Decoy is what the password of nobody is compared with.
const Decoy = decoy
