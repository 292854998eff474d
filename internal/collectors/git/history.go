package git

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// A person is a name and an address as a commit states them: nobody checked
// either.
type person struct{ name, email string }

func (p person) String() string {
	switch {
	case p.email == "":
		return p.name
	case p.name == "":
		return "<" + p.email + ">"
	}
	return p.name + " <" + p.email + ">"
}

// same reports whether two statements are likely of one human: the same address
// or the same name. People commit under several addresses, and taking them for
// two would invent a second pair of eyes.
func (p person) same(q person) bool {
	return p.email != "" && strings.EqualFold(p.email, q.email) ||
		p.name != "" && strings.EqualFold(strings.TrimSpace(p.name), strings.TrimSpace(q.name))
}

// machine reports whether a name is that of a forge or a robot, which cannot
// have looked at a change.
func (p person) machine() bool {
	return strings.EqualFold(p.email, "noreply@github.com") || strings.Contains(p.name, "[bot]") || strings.Contains(p.email, "[bot]")
}

// A commit is what is kept of one while the history is put together.
type commit struct {
	hash              plumbing.Hash
	tree              plumbing.Hash
	parents           []plumbing.Hash
	author, committer person
	authored          time.Time
	committed         time.Time
	subject           string
	message           message
	verdict           verdict
	mainLine          bool
	broughtBy         int32 // index of the main line's merge that brought it in; -1 if none did
}

// A history is every commit that can be reached from a branch's head.
type history struct {
	commits []*commit
	index   map[plumbing.Hash]int32
	branch  string
	cut     int // commits whose parents the clone leaves out
	// reviewsRecorded says that the history names reviewers often enough for
	// their absence from a commit to mean something.
	reviewsRecorded bool
}

// walk reads every commit reachable from head, once. Grafts and replacements
// are not applied: evidence is about the objects themselves.
func (r *repository) walk(ctx context.Context, b branch, trusted signers, in *sources.Intake) (*history, error) {
	h := &history{index: map[plumbing.Hash]int32{}, branch: b.name}
	if !b.born {
		return h, nil
	}
	type step struct{ hash, child plumbing.Hash }
	todo := []step{{b.head, plumbing.ZeroHash}}
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, seen := h.index[next.hash]; seen {
			continue
		}
		if len(h.commits)%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			in.Progress(len(h.commits), 0, "commits read")
		}
		c, err := r.commit(next.hash, trusted, in.Now())
		if missing := (*missingObject)(nil); errors.As(err, &missing) && next.child != plumbing.ZeroHash {
			return nil, fault.Invalid("path", "commit %s, a parent of %s, is missing from %s: run git fsck there, or make a fresh clone", next.hash, next.child, r.path).With(err)
		}
		if err != nil {
			return nil, err
		}
		h.index[c.hash] = int32(len(h.commits))
		h.commits = append(h.commits, c)
		if r.shallow[c.hash] {
			if len(c.parents) > 0 {
				h.cut++
			}
			continue
		}
		for i := len(c.parents) - 1; i >= 0; i-- {
			todo = append(todo, step{c.parents[i], c.hash})
		}
	}
	h.followMainLine(b.head)
	h.reviewsRecorded = h.recordsReviews()
	return h, nil
}

// commit reads and decodes one commit.
func (r *repository) commit(id plumbing.Hash, trusted signers, now time.Time) (*commit, error) {
	data, err := r.objects.read(id, plumbing.CommitObject, maxCommit)
	if err != nil {
		return nil, err
	}
	raw := memory(plumbing.CommitObject, data)
	decoded, err := object.DecodeCommit(nil, raw)
	if err != nil {
		return nil, &corruptObject{id, err}
	}
	text := decode(decoded.Message, string(decoded.Encoding))
	subject, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
	c := &commit{
		hash:      id,
		tree:      decoded.TreeHash,
		parents:   decoded.ParentHashes,
		author:    personOf(decoded.Author, string(decoded.Encoding)),
		committer: personOf(decoded.Committer, string(decoded.Encoding)),
		authored:  decoded.Author.When.UTC(),
		committed: decoded.Committer.When.UTC(),
		subject:   string(redact("", []byte(clip(strings.TrimSpace(subject))))),
		message:   readMessage(text),
		broughtBy: -1,
	}
	c.verdict = trusted.verify(decoded.PGPSignature, c.committed, now, func() ([]byte, error) {
		return unsigned(decoded.EncodeWithoutSignature)
	})
	return c, nil
}

func memory(kind plumbing.ObjectType, data []byte) *plumbing.MemoryObject {
	o := &plumbing.MemoryObject{}
	o.SetType(kind)
	_, _ = o.Write(data) // it cannot fail: it appends
	return o
}

func personOf(s object.Signature, encoding string) person {
	return person{clip(strings.TrimSpace(decode(s.Name, encoding))), clip(strings.TrimSpace(decode(s.Email, encoding)))}
}

// decode turns the one old encoding that every byte of is a character into
// UTF-8. What else is not UTF-8 keeps its bytes, which the intake replaces.
func decode(s, encoding string) string {
	switch strings.ToLower(encoding) {
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1":
	default:
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// followMainLine marks the branch's own line of first parents, and for every
// other commit the merge on that line that brought it in.
func (h *history) followMainLine(head plumbing.Hash) {
	var line []int32
	at, ok := h.index[head]
	for ok && !h.commits[at].mainLine {
		c := h.commits[at]
		c.mainLine = true
		line = append(line, at)
		if ok = len(c.parents) > 0; ok {
			at, ok = h.index[c.parents[0]]
		}
	}
	for i := len(line) - 1; i >= 0; i-- { // oldest first: each commit belongs to its first merge
		merge := h.commits[line[i]]
		if len(merge.parents) < 2 {
			continue
		}
		todo := append([]plumbing.Hash{}, merge.parents[1:]...)
		for len(todo) > 0 {
			at, ok := h.index[todo[len(todo)-1]]
			todo = todo[:len(todo)-1]
			if !ok {
				continue
			}
			if c := h.commits[at]; !c.mainLine && c.broughtBy < 0 {
				c.broughtBy = line[i]
				todo = append(todo, c.parents...)
			}
		}
	}
}

// recordsReviews looks at the latest changes: a stray Reviewed-by, such as one
// that came with a patch of others, does not make it a practice.
func (h *history) recordsReviews() bool {
	const latest, oneIn = 200, 10
	looked, named := 0, 0
	for _, c := range h.commits { // from the head on
		if len(c.parents) > 1 || c.author.machine() {
			continue
		}
		if looked++; len(c.message.reviewers) > 0 {
			named++
		}
		if looked == latest {
			break
		}
	}
	return named > 0 && named*oneIn >= looked
}

// merger is who brought c into the main line by a merge.
func (h *history) merger(c *commit) (person, *commit, bool) {
	if c.broughtBy < 0 {
		return person{}, nil, false
	}
	merge := h.commits[c.broughtBy]
	return merge.author, merge, true
}

// reviewed reports whether the commit itself, or the merge that brought it in,
// names a human other than its authors who looked at it; and if that cannot be
// told, why not.
func (h *history) reviewed(c *commit) (yes bool, why string) {
	other := func(p person) bool {
		if p.machine() || p.same(c.author) {
			return false
		}
		for _, co := range c.message.coAuthors {
			if p.same(co) {
				return false
			}
		}
		return true
	}
	for _, p := range c.message.reviewers {
		if other(p) {
			return true, ""
		}
	}
	if by, merge, ok := h.merger(c); ok {
		if other(by) && h.accepts(merge) {
			return true, ""
		}
		for _, p := range merge.message.reviewers {
			if other(p) {
				return true, ""
			}
		}
	}
	if h.reviewsRecorded || len(c.message.reviewers) > 0 {
		return false, ""
	}
	return false, noReviews
}

var mergeOf = regexp.MustCompile(`^Merge (?:branch|tag|remote-tracking branch) '(?:origin/|upstream/)?([^']+)'`)

// accepts reports whether a merge takes in a change that someone proposed. One
// that git pull makes joins two copies of the same branch, and one of a branch
// that lives on gathers what many have done: neither looked at each change.
func (h *history) accepts(merge *commit) bool {
	if merge.message.request != "" {
		return true
	}
	m := mergeOf.FindStringSubmatch(merge.subject)
	if m == nil || m[1] == h.branch || strings.HasPrefix(m[1], "release") {
		return false
	}
	switch m[1] {
	case "main", "master", "trunk", "develop", "development", "dev", "next", "staging", "production":
		return false
	}
	return true
}

const (
	noReviews = "this repository does not record reviews in its commits: connect the forge that holds them"
	noMerge   = "it came to the main line without a merge commit, and a clone does not record who pushed it"
)
