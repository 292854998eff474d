package page

// Said reports whether the sentence has words for what a condition misses.
func Said(title string) bool { return said[title][0] != "" }
