package page

// ParseSigners is for the fuzz test.
func ParseSigners(text string) (emails []string, err error) {
	list, err := parseSigners(text)
	for _, s := range list {
		emails = append(emails, s.Email)
	}
	return emails, err
}
