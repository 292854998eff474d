package page

import (
	"net/http"
	"testing"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestEveryTopicIsFoundFromItsPageAndUsesWordsOfTheGlossary(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, Routes()).As(desk)
		v.Get("/help").Says("h1", "What each page is for")
		for _, x := range topics {
			for _, at := range x.Pages {
				v.Get("/help?about=" + at).LeadsTo("/help/" + x.Key)
			}
			p := v.Get("/help/" + x.Key)
			p.Is(http.StatusOK)
			p.Says("h1", x.Says)
			if got := len(x.words()); got != len(x.Words) {
				t.Errorf("%s names %d words, and the glossary has %d of them", x.Key, len(x.Words), got)
			}
		}
		v.Get("/help?about=/nowhere").Is(http.StatusOK)
		v.Get("/help/nowhere").Is(http.StatusNotFound)
		words := v.Get("/help/terms")
		if got := words.Count("dt[id]"); got != len(site.Glossary()) {
			t.Errorf("%d words are shown of %d", got, len(site.Glossary()))
		}
		words.Says("dt#criterion", "Criterion, criteria")
	})
}
