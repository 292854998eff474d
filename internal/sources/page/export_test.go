package page

// ParseSigners is for the fuzz test.
func ParseSigners(text string) ([]string, error) { return parseSigners(text) }
