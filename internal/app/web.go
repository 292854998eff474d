package app

import (
	"net/http"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/conf"
)

func (a *App) handlers(s conf.Server, offer assess.Offer, wake func()) (public, local http.Handler) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.health)
	return mux, mux
}
