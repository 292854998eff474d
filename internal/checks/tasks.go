package checks

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
)

// ObjectPrefix begins the reference by which tasks and comments name a check.
const ObjectPrefix = "check"

// A check is known by its name and not by an id, so that it is attached here.
var _ = tasks.Attach(tasks.Thing{Prefix: ObjectPrefix, Noun: "Check", Href: "/checks/", Right: auth.ChecksRead, Title: titleOf})

func titleOf(c *op.Call, ref string) (string, error) {
	defs, _, err := definitions(c)
	if err != nil {
		return "", err
	}
	for _, d := range defs {
		if d.ID == ref {
			return d.Title, nil
		}
	}
	return "", fault.NotFound("no check %s", ref)
}
