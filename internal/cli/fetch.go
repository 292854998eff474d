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
