// Package page holds the pages of tasks and of comments.
package page

import (
	"strings"

	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /tasks", Handle: showList},
		{Pattern: "POST /tasks/bulk", Handle: bulk},
		{Pattern: "GET /tasks/new", Handle: showNew},
		{Pattern: "POST /tasks/new", Handle: create},
		{Pattern: "GET /tasks/{id}", Handle: showTask},
		{Pattern: "GET /tasks/{id}/edit", Handle: showEdit},
		{Pattern: "POST /tasks/{id}/edit", Handle: edit},
		{Pattern: "POST /tasks/{id}/complete", Handle: complete},
		{Pattern: "POST /tasks/{id}/reopen", Handle: reopen},
		{Pattern: "GET /tasks/{id}/drop", Handle: showDrop},
		{Pattern: "POST /tasks/{id}/drop", Handle: drop},
		{Pattern: "GET /comments", Handle: showThread},
		{Pattern: "POST /comments", Handle: say},
		{Pattern: "GET /comments/{id}/edit", Handle: showComment},
		{Pattern: "POST /comments/{id}/edit", Handle: changeComment},
		{Pattern: "POST /comments/{id}/remove", Handle: removeComment},
	}
}

func shell(title string, crumbs ...site.Crumb) site.Shell {
	list := []site.Crumb{{Text: "Tasks"}}
	if len(crumbs) > 0 {
		list[0].Href = "/tasks"
	}
	return site.Shell{Title: title, Current: "/tasks", Crumbs: append(list, crumbs...)}
}

// within keeps a way back inside the site.
func within(path, otherwise string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return otherwise
	}
	return path
}
