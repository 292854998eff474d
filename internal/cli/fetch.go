package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Fetch posts to an address of the server that the command line names and
// copies the answer, which may be large, to w.
func (t *Terminal) Fetch(ctx context.Context, path string, w io.Writer) error {
	far, err := dial(t, t.Server, t.Token)
	if err != nil {
		return err
	}
	defer far.close()
	c := far.(*client)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+op.Base+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "tickmark")
	r.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		_, err := io.Copy(w, res.Body)
		return err
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&problem); err != nil || problem.Detail == "" {
		return fmt.Errorf("the server answers %s", res.Status)
	}
	return fault.Conflict("%s", problem.Detail)
}

// Post sends bytes of any length to an address of the server that the command
// line names, or of the one that holds the directory, and decodes the answer.
// It is not repeated: what was read of from is gone.
func (t *Terminal) Post(ctx context.Context, path string, from io.Reader, out any) error {
	return t.exchange(ctx, http.MethodPost, path, from, out)
}

// Get asks the same server.
func (t *Terminal) Get(ctx context.Context, path string, out any) error {
	return t.exchange(ctx, http.MethodGet, path, nil, out)
}

func (t *Terminal) exchange(ctx context.Context, method, path string, from io.Reader, out any) error {
	far, err := connect(ctx, t, flags{Data: t.Data, Org: t.Org, Server: t.Server, Token: t.Token}, nil)
	if err != nil {
		return err
	}
	defer far.close()
	c := far.(*client) // nothing else, where no directory may be opened
	raw, err := c.stream(ctx, method, op.Base+path, from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

// Print prints JSON.
func (t *Terminal) Print(v any) error {
	e := json.NewEncoder(t.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
