package app

import (
	"context"
	"io"
	"net/http"
	"slices"

	"github.com/tickmark/tickmark/internal/api"
	apipage "github.com/tickmark/tickmark/internal/api/page"
	"github.com/tickmark/tickmark/internal/assess"
	assesspage "github.com/tickmark/tickmark/internal/assess/page"
	assetspage "github.com/tickmark/tickmark/internal/assets/page"
	"github.com/tickmark/tickmark/internal/auth"
	bundlepage "github.com/tickmark/tickmark/internal/bundle/page"
	checkspage "github.com/tickmark/tickmark/internal/checks/page"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	controlspage "github.com/tickmark/tickmark/internal/controls/page"
	"github.com/tickmark/tickmark/internal/engagements"
	engagementspage "github.com/tickmark/tickmark/internal/engagements/page"
	erasurespage "github.com/tickmark/tickmark/internal/erasures/page"
	"github.com/tickmark/tickmark/internal/evidence"
	evidencepage "github.com/tickmark/tickmark/internal/evidence/page"
	helppage "github.com/tickmark/tickmark/internal/help/page"
	"github.com/tickmark/tickmark/internal/id"
	jobpage "github.com/tickmark/tickmark/internal/job/page"
	"github.com/tickmark/tickmark/internal/mcp"
	notifypage "github.com/tickmark/tickmark/internal/notify/page"
	"github.com/tickmark/tickmark/internal/op"
	opinionspage "github.com/tickmark/tickmark/internal/opinions/page"
	orgspage "github.com/tickmark/tickmark/internal/orgs/page"
	populationspage "github.com/tickmark/tickmark/internal/populations/page"
	procedurespage "github.com/tickmark/tickmark/internal/procedures/page"
	readinesspage "github.com/tickmark/tickmark/internal/readiness/page"
	reportspage "github.com/tickmark/tickmark/internal/reports/page"
	scopespage "github.com/tickmark/tickmark/internal/scopes/page"
	searchpage "github.com/tickmark/tickmark/internal/search/page"
	"github.com/tickmark/tickmark/internal/site"
	sourcespage "github.com/tickmark/tickmark/internal/sources/page"
	taskspage "github.com/tickmark/tickmark/internal/tasks/page"
	trustpage "github.com/tickmark/tickmark/internal/trust/page"
	viewspage "github.com/tickmark/tickmark/internal/views/page"
)

// Pages lists every page of the site.
func Pages(offer assess.Offer) []site.Route {
	return slices.Concat(orgspage.Routes(), scopespage.Routes(), assesspage.New(offer).Routes(), readinesspage.Routes(),
		controlspage.Routes(), checkspage.Routes(), evidencepage.Routes(), sourcespage.Routes(), jobpage.Routes(), searchpage.Routes(),
		engagementspage.Routes(), populationspage.Routes(), procedurespage.Routes(), opinionspage.Routes(), reportspage.Routes(), erasurespage.Routes(), bundlepage.Routes(), trustpage.Routes(), viewspage.Routes(), helppage.Routes(),
		taskspage.Routes(), notifypage.Routes(),
		assetspage.Routes(),
		[]site.Route{{Pattern: "GET /gallery", Handle: gallery}})
}

func gallery(v *site.Visit) error {
	return v.Fragment(site.Layout(site.GalleryShell(site.ReadPrefs(v.R)), site.Gallery()))
}

// handlers builds what the public address answers, and what the socket in the
// data directory answers: the API, to whoever may open the socket.
func (a *App) handlers(s conf.Server, offer assess.Offer, wake func()) (public, local http.Handler) {
	a.BaseURL = s.Base()
	if a.Throttle == nil {
		a.Throttle = auth.NewThrottle()
	}
	web := &site.Web{Engine: a.Engine, TLS: s.TLS(), BaseURL: a.BaseURL, Door: doorWords(s, a.Mail != nil), Nav: nav, Tabs: tabs, Counts: counts, Throttle: a.Throttle, Wake: wake, Deliver: a.deliver,
		Mailing: func() bool { return a.Courier.Mailing() }}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.health)
	mux.Handle("GET "+site.StaticPrefix, site.Static())
	mux.Handle("POST "+site.PrefsPath, http.NewCrossOriginProtection().Handler(site.SavePrefs(s.TLS())))
	programs := api.New(a.Engine, Operations(), api.Extra{Secure: s.TLS(), Bundle: bundle, Examination: engagements.WriteBundle,
		Reads: engagements.ReadsLog, Ingest: a.ingest(wake), Docs: apipage.New(Operations()), Tools: mcp.New(Operations()).Serve})
	mux.Handle(op.Base+"/", programs)
	mux.Handle(api.ToolsPath, programs)
	for _, p := range api.TilesPatterns {
		mux.Handle(p, programs)
	}
	web.Mount(mux, Pages(offer))
	web.Mount(mux, []site.Route{{Pattern: "/", Open: true, Handle: site.NotFound}})

	local = a.beside(api.New(a.Engine, Operations(), api.Extra{Bundle: bundle, Ingest: a.ingest(wake), Who: a.whoever}))
	return behind(s, site.Secure(mux, s.TLS())), local
}

// Handler is what the public address answers, for whoever serves it otherwise
// than Serve does. Nobody is woken for work that a page puts in line.
func (a *App) Handler(s conf.Server, offer assess.Offer) http.Handler {
	public, _ := a.handlers(s, offer, func() {})
	return public
}

func bundle(ctx context.Context, desk *op.Desk, w io.Writer) error {
	_, err := evidence.WriteBundle(ctx, desk, w)
	return err
}

// whoever opens the socket has the data directory in hand and acts as the
// owner of its organization.
func (a *App) whoever(r *http.Request) (auth.Actor, id.Org, error) {
	desk, err := a.Desk(r.Context(), r.Header.Get(cli.OrgHeader))
	if err != nil {
		return auth.Actor{}, "", err
	}
	return desk.Actor, desk.Org, nil
}
