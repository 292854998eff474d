package site

// SquareState is how far the work on one control has come.
type SquareState string

// The states, the furthest first.
const (
	SquareConcluded SquareState = "concluded"
	SquareReview    SquareState = "review"
	SquareTesting   SquareState = "testing"
	SquareNone      SquareState = "none"
)

var squareStates = []struct {
	state SquareState
	word  string
}{
	{SquareConcluded, "concluded"}, {SquareReview, "in review"}, {SquareTesting, "testing"}, {SquareNone, "not started"},
}

// SquaresView is the work on the controls of each series. Rows may overlap where a
// control answers two series; All then counts each control once.
type SquaresView struct {
	Rows []SquaresRow
	All  SquaresRow
}

// SquaresRow is one series with how many of its controls stand where.
type SquaresRow struct {
	Text, Href string // "CC6" and where its controls are listed
	Name       string // "Logical and physical access"
	Concluded  int
	Review     int
	Testing    int
	None       int
}

func (r SquaresRow) of(s SquareState) int {
	switch s {
	case SquareConcluded:
		return r.Concluded
	case SquareReview:
		return r.Review
	case SquareTesting:
		return r.Testing
	}
	return r.None
}

// Add counts one control.
func (r *SquaresRow) Add(s SquareState) {
	switch s {
	case SquareConcluded:
		r.Concluded++
	case SquareReview:
		r.Review++
	case SquareTesting:
		r.Testing++
	default:
		r.None++
	}
}

// Total is the number of controls.
func (r SquaresRow) Total() int { return r.Concluded + r.Review + r.Testing + r.None }

// squares are the states of the row's controls, the furthest first.
func (r SquaresRow) squares() []SquareState {
	var out []SquareState
	for _, s := range squareStates {
		for range r.of(s.state) {
			out = append(out, s.state)
		}
	}
	return out
}

// said is the row for who does not see squares.
func (r SquaresRow) said() string {
	out := ""
	for _, s := range squareStates {
		n := r.of(s.state)
		switch {
		case n == 0:
		case out == "":
			out = Count(int64(n)) + " " + s.word
		default:
			out += ", " + Count(int64(n)) + " " + s.word
		}
	}
	return or(out, "none")
}

// WaitSide is one side of an engagement and who there must act.
type WaitSide struct {
	Head string // "Aldine Voss"
	Rows []WaitRow
}

// WaitRow is a person and what waits for them.
type WaitRow struct {
	Person, Text, Href string
}
