package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

type recoverOwnerCmd struct {
	conf.Config `embed:""`
	BaseURL     string `name:"base-url" help:"Address people type, with which the link begins." env:"TICKMARK_BASE_URL" placeholder:"URL"`
	Email       string `help:"Address of the owner, where there are several." placeholder:"EMAIL"`
}

// recoverPath is where a server that holds the directory answers the command.
const recoverPath = op.Base + "/recover-owner"

// Run makes the link, through the server that holds the directory if one does.
func (c *recoverOwnerCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	var way orgs.Way
	if server := answering(ctx, c.Config); server != nil {
		path := strings.TrimPrefix(recoverPath, op.Base) + "?" + url.Values{"email": {c.Email}}.Encode()
		err := ask(ctx, server, http.MethodPost, path, t.Org, func(r io.Reader) error { return json.NewDecoder(r).Decode(&way) })
		if err != nil {
			return err
		}
		return c.say(t.Out, way)
	}
	a, err := Open(ctx, c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	way, err = a.RecoverOwner(ctx, t.Org, c.Email)
	if err := errors.Join(err, a.Close()); err != nil {
		return err
	}
	return c.say(t.Out, way)
}

func (c *recoverOwnerCmd) say(out io.Writer, way orgs.Way) error {
	base := strings.TrimSuffix(c.BaseURL, "/")
	if base == "" {
		base = "http://" + conf.DefaultListen
	}
	_, err := fmt.Fprintf(out, "%s (%s) chooses a new password with this link, once, within the hour:\n\n    %s/again?token=%s\n\nIt takes second factors away and ends every session. The log says that it was made.\n",
		way.Name, way.Email, base, url.QueryEscape(way.Secret))
	return err
}

// RecoverOwner makes a link with which an owner chooses a new password. Whoever
// calls it has the data directory in hand, and is not the partner of a firm: for
// a firm it is refused.
func (a *App) RecoverOwner(ctx context.Context, name, email string) (orgs.Way, error) {
	o, err := a.Org(ctx, name)
	if err != nil {
		return orgs.Way{}, err
	}
	desk := &op.Desk{Engine: a.Engine, Actor: auth.Actor{Name: "operator on the host", Via: "host"}}
	return orgs.HostRecover.Do(ctx, desk, orgs.Hosted{Org: o.ID, Email: email})
}

// sendWay answers the command.
func (a *App) sendWay(w http.ResponseWriter, r *http.Request) {
	way, err := a.RecoverOwner(r.Context(), r.Header.Get(cli.OrgHeader), r.URL.Query().Get("email"))
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(way); err != nil {
		a.Log.Debug("recover-owner", "err", err)
	}
}
