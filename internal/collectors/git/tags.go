package git

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const maxPeel = 10 // tags of tags

var semver = regexp.MustCompile(`^(?:.*/)?v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// tags hands over every tag of the repository, on the branch or not.
func (r *run) tags() error {
	names, err := r.repo.names("refs/tags")
	if err != nil {
		return err
	}
	r.in.Cover("tag")
	releases := 0
	var latest time.Time
	for i, name := range names {
		if i%1000 == 0 {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			r.in.Progress(i, len(names), "tags")
		}
		rec, at, err := r.tag(name)
		if err != nil {
			return err
		}
		if rec.attrs["semver"] == true {
			releases++
			if usable(at) && at.After(latest) {
				latest = at
			}
		}
		if err := r.in.Add(rec.resource("tag", short(name))); err != nil {
			return err
		}
	}
	r.facts["tags"], r.facts["release_tags"] = len(names), releases
	if latest.IsZero() {
		r.absent["latest_release_at"] = "no tag with a version number states a date"
	} else {
		r.facts["latest_release_at"] = latest
	}
	return nil
}

func (r *run) tag(name string) (record, time.Time, error) {
	rec := newRecord(map[string]any{"name": clip(short(name)), "semver": semver.MatchString(short(name)), "annotated": false})
	id, err := r.repo.resolve(name)
	if err != nil {
		return rec, time.Time{}, err
	}
	first, target, kind, err := r.repo.peel(id)
	if missing := (*missingObject)(nil); errors.As(err, &missing) && (r.repo.objects.promised || len(r.repo.shallow) > 0) {
		rec.missing("this clone does not hold the tagged object", "annotated", "target", "at", "signature", "on_branch")
		delete(rec.attrs, "annotated")
		return rec, time.Time{}, nil
	}
	if err != nil {
		return rec, time.Time{}, err
	}
	rec.attrs["target"], rec.attrs["target_type"] = target.String(), kind.String()
	at, reached := r.history.index[target]
	rec.attrs["on_branch"] = reached
	var date time.Time
	v := verdict{state: signatureNone} // a tag without an object of its own cannot carry one
	by := person{}
	switch {
	case first != nil:
		by, date = personOf(first.Tagger, ""), first.Tagger.When.UTC()
		v = r.trusted.verify(first.PGPSignature, date, r.in.Now(), func() ([]byte, error) { return unsigned(first.EncodeWithoutSignature) })
		rec.attrs["annotated"] = true
		rec.text("tagger", by.name, "the tag names no tagger")
		rec.text("tagger_email", by.email, "the tag states no address of its tagger")
	case kind == plumbing.CommitObject:
		rec.missing("only an annotated tag records who made it", "tagger", "tagger_email")
		if reached {
			date = r.history.commits[at].committed
		} else if c, err := r.repo.commit(target, signers{}, r.in.Now()); err == nil {
			date = c.committed
		} else if missing := (*missingObject)(nil); !errors.As(err, &missing) {
			return rec, date, err
		}
	}
	rec.date("at", date)
	rec.signature(v, by)
	return rec, date, nil
}

// peel follows a tag to what it names. First is the tag object itself, nil for
// a tag that is only a name.
func (r *repository) peel(id plumbing.Hash) (first *object.Tag, target plumbing.Hash, kind plumbing.ObjectType, err error) {
	for range maxPeel {
		kind, data, err := r.objects.readAny(id, maxCommit)
		if large := (*largeObject)(nil); errors.As(err, &large) {
			return first, id, plumbing.BlobObject, nil // only a file can be that large
		}
		if err != nil || kind != plumbing.TagObject {
			return first, id, kind, err
		}
		t, err := object.DecodeTag(nil, memory(kind, data))
		if err != nil {
			return nil, id, kind, &corruptObject{id, err}
		}
		if first == nil {
			first = t
		}
		id = t.Target
	}
	return first, id, kind, &corruptObject{id, fmt.Errorf("it is a tag of a tag, more than %d deep", maxPeel)}
}
