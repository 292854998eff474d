// Command withpostgres runs another command while a PostgreSQL server stands
// ready for its tests:
//
//	go run ./internal/db/dbtest/withpostgres go test ./...
//
// The server is gone when the command ends, however it ends.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"github.com/tickmark/tickmark/internal/db/dbtest"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: withpostgres COMMAND [ARGUMENT…]")
		os.Exit(2)
	}
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		os.Exit(2)
	}
	os.Exit(status)
}

func run(args []string) (status int, err error) {
	// An interrupt reaches the command too; when it has ended, so do we.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	if given := os.Getenv(dbtest.Env); given == "" || given == "on" {
		c, err := dbtest.Start()
		switch {
		case err == nil:
			defer c.Close()
			cmd.Env = append(cmd.Env, dbtest.Env+"="+c.URL)
		case errors.Is(err, dbtest.ErrNoServer) && os.Getenv(dbtest.Require) == "":
			fmt.Fprintln(os.Stderr, "NOT RUN ON POSTGRESQL:", err)
		default:
			return 0, err
		}
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
