package site

import "time"

// LineView is what a strip of one row says.
type LineView struct {
	Title string // "Since you last looked,"
	At    time.Time
	When  string // At as Clock writes it
	Parts []Link // figures open what they count; without an address, words
	End   Link   // at the end of the row: where to read on
}

// Clock writes an instant by its day as it is near to now, and the time of
// day: yesterday 17:40. Both are in the zone of the reader's organization.
func Clock(t, now time.Time) string {
	today := now.In(t.Location()).Format(time.DateOnly)
	return DueText(t.Format(time.DateOnly), today) + " " + t.Format("15:04")
}
