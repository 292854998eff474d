package op

// Page is one part of a list. Next goes back in as after; it is empty on the
// last part.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	Total int64  `json:"total"`
}

// Limits of the parts of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Limit turns what a caller asked for into what is given.
func Limit(n int) int {
	if n <= 0 {
		return DefaultLimit
	}
	return min(n, MaxLimit)
}

// PageOf makes a page of rows that were asked for with one more than the
// limit; cursor names a row.
func PageOf[T any](rows []T, limit int, total int64, cursor func(T) string) Page[T] {
	p := Page[T]{Items: rows, Total: total}
	if len(rows) > limit {
		p.Items = rows[:limit]
		p.Next = cursor(rows[limit-1])
	}
	return p
}

// None is the input of operations that take none.
type None struct{}
