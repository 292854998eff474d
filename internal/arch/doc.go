// Package arch holds the rules of the house as tests: who may import whom, who
// owns which table and which third-party module, how long a file may be, which
// words are not used. A rule that is not here is a wish.
//
// Each rule is a function from a tree of files to a list of violations, and
// beside it stands a test that plants a violation and sees it caught.
package arch
