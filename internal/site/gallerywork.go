package site

import "time"

var galleryAround = AroundView{All: "#", Add: "#", Open: 2,
	Tasks: []TaskView{{Text: "Rotate the signing key", Href: "#", Due: "16 Nov", Owner: "Mei-Lin Park", Late: true}, {Text: "Name a deputy", Href: "#", Due: "30 Nov"}},
	Thread: ThreadView{Object: "ctl_", Total: 3, May: true, Now: galleryNow, Form: CommentForm("ctl_"), More: "#", Comments: []CommentView{
		{ID: "gallery-c1", Author: "Ines Okafor", Text: "@Mei-Lin Park, is the second key in the safe?\nThe list says so.", At: galleryNow.Add(-26 * time.Hour), Told: []string{"Mei-Lin Park"}},
		{ID: "gallery-c2", Author: "Mei-Lin Park", Text: "It is, since Monday.", At: galleryNow.Add(-3 * time.Hour), Edited: galleryNow.Add(-2 * time.Hour), Change: "#"},
		{ID: "gallery-c3", Author: "Ines Okafor", At: galleryNow.Add(-time.Hour), Removed: true},
	}}}
