// Package site is the shell of every page: layout, components, static files and headers.
package site
