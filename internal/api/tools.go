package api

import (
	"net/http"

	"github.com/tickmark/tickmark/internal/auth"
)

// ToolsPath is where programs that speak the Model Context Protocol come in.
const ToolsPath = "/mcp"

// tools lets programs in by token alone: what a browser adds by itself to a
// request must not be enough to act.
func (s *server) tools(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		s.refuse(w, r, nil, stranger("Send a token in the Authorization header: Bearer tmk_…. Make one under Settings, Tokens; one that only reads is enough to look around."))
		return
	}
	desk, err := s.desk(r, auth.OrgRead)
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	desk.Actor.Via = "mcp"
	s.extra.Tools(w, r, desk)
}
