package git

import (
	"time"

	"github.com/tickmark/tickmark/internal/fault"
)

// Newest reports when the newest commit of a repository's branch states it was
// made.
func Newest(path string) (time.Time, error) {
	repo, err := open(path)
	if err != nil {
		return time.Time{}, readable(path, err)
	}
	defer repo.close()
	b, err := repo.branch("")
	if err != nil {
		return time.Time{}, readable(path, err)
	}
	if !b.born {
		return time.Time{}, fault.Invalid("git", "%s has no commit yet", path)
	}
	c, err := repo.commit(b.head, signers{}, time.Time{})
	if err != nil {
		return time.Time{}, readable(path, err)
	}
	return c.committed, nil
}
