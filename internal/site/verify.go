package site

// CheckedRow is one thing that was checked: what, how it went, and the figures.
type CheckedRow struct {
	Status Status
	Text   string
	Figure string
}

// OrderView is the order of events, as recorded in two logs.
type OrderView struct {
	Title string
	Steps []OrderStep
	// Logs names the two logs; a step says which it is in.
	Logs [2]string
}

// OrderStep is one event of the order.
type OrderStep struct {
	Text string
	Log  int
}

func (v OrderView) name() string {
	s := v.Title + ": "
	for i, x := range v.Steps {
		if i > 0 {
			s += ", then "
		}
		s += x.Text + " in the " + v.Logs[x.Log&1]
	}
	return s
}

// DropView asks for a file.
type DropView struct {
	Action string
	Name   string // of the field
	Text   string // "Drop a report here, or"
	Choose string // "choose a file"
	Act    string
	Accept string
	Error  string
	More   []FieldView // beside the file, under a fold
	Fold   string      // its title
}
