package postgres

import "time"

// tableAsOf is when supports was last compared with what the makers publish.
const tableAsOf = "November 2026"

// supports says, for a release line, the last day on which the PostgreSQL
// Global Development Group gives updates to it.
var supports = map[int]string{
	9: "2021-11-11", 10: "2022-11-10", 11: "2023-11-09", 12: "2024-11-21", 13: "2025-11-13", 14: "2026-11-12",
	15: "2027-11-11", 16: "2028-11-09", 17: "2029-11-08", 18: "2030-11-14",
}

// supportedUntil is the end of that day. A line that the table does not know
// has none.
func supportedUntil(major int) (time.Time, bool) {
	day, err := time.Parse(time.DateOnly, supports[major])
	return day.Add(24*time.Hour - time.Millisecond), err == nil
}
