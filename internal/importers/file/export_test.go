package file

// FormatOf says what a format of numbers shows.
func FormatOf(code string) string {
	return [...]string{"number", "date", "time"}[formatStyle(code)]
}
