package backup

import "io"

// Walk reads a file as a restore does first.
func Walk(r io.Reader) error {
	_, err := walk(r, visitor{
		table: func(_ string, r io.Reader) error {
			return rows(r, func([]string) error { return nil }, func([]any) error { return nil })
		},
		blob: func(_, _ string, _ int64, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err },
	})
	return err
}

// Apart lists the tables of the second file, Left those of neither.
func Apart() (apartTables, leftTables []string) {
	for t := range apart {
		if t != keysTable {
			apartTables = append(apartTables, t)
		}
	}
	return apartTables, left
}
