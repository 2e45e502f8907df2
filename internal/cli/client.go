package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/internal/access"
	"sallyport/internal/api"
	"sallyport/internal/app"
	"sallyport/internal/door"
	"sallyport/internal/fault"
)

// A call is one request to the API.
type call struct {
	method, path string
	query        url.Values
	body         any       // as JSON
	file         io.Reader // in place of body, as CSV
}

// A connection is a way to the API: to a server, or into this process.
type connection struct {
	target, token string
	client        *http.Client
	app           *app.App // in this process; nil with a server
}

func (c *connection) close() {
	if c.app != nil {
		c.app.Close()
	}
}

// do sends a call and returns the answer.
func (c *cli) do(cmd *cobra.Command, in call) (json.RawMessage, error) {
	to, err := c.connect(cmd)
	if err != nil {
		return nil, err
	}
	defer to.close()
	return to.do(cmd.Context(), in)
}

// file sends a call and prints the file that is answered.
func (c *cli) file(cmd *cobra.Command, in call) error {
	to, err := c.connect(cmd)
	if err != nil {
		return err
	}
	defer to.close()
	return to.stream(cmd.Context(), in, c.Out)
}

func (c *connection) do(ctx context.Context, in call) (json.RawMessage, error) {
	res, err := c.send(ctx, in)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(io.LimitReader(res.Body, mostAnswer))
}

// stream copies the answer to a call, however long it is.
func (c *connection) stream(ctx context.Context, in call, to io.Writer) error {
	res, err := c.send(ctx, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(to, res.Body)
	return err
}

// mostAnswer bounds what is read of an answer that is no file.
const mostAnswer = 128 << 20

// send sends a call. A refusal is the fault that it tells of.
func (c *connection) send(ctx context.Context, in call) (*http.Response, error) {
	var body io.Reader = http.NoBody
	kind := "application/json"
	switch {
	case in.file != nil:
		body, kind = in.file, "text/csv"
	case in.body != nil:
		raw, err := json.Marshal(in.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	path := c.target + api.Prefix + in.path
	if len(in.query) > 0 {
		path += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, in.method, path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return nil, fault.Newf(fault.Overloaded, "The server does not answer: %v", err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	if err != nil {
		return nil, err
	}
	return nil, answerFault(res.StatusCode, raw)
}

// answerFault turns a problem back into the fault that it was.
func answerFault(status int, raw []byte) error {
	var p door.Problem
	if err := json.Unmarshal(raw, &p); err != nil || p.Code == "" {
		return fault.Newf(fault.Internal, "The server answered %d, which is no answer of Sallyport's API.", status)
	}
	f := fault.New(p.Code, p.Detail)
	for _, e := range p.Errors {
		f.Fields = append(f.Fields, fault.Field{Name: e.Field, Message: e.Message})
	}
	return f
}

// connect finds out whether a command goes over the network.
func (c *cli) connect(cmd *cobra.Command) (*connection, error) {
	if c.server == "" {
		c.server = variable(c.Environ, "SALLYPORT_SERVER")
	}
	if c.token == "" {
		c.token = variable(c.Environ, "SALLYPORT_TOKEN")
	}
	database := variable(c.Environ, "SALLYPORT_DATABASE")
	if f := cmd.Flags().Lookup("database"); f != nil && f.Changed {
		database, c.server = f.Value.String(), ""
	}
	switch {
	case c.server != "" && c.token == "":
		return nil, usagef("--server needs a token: --token or SALLYPORT_TOKEN")
	case c.server != "":
		return &connection{target: strings.TrimRight(c.server, "/"), token: c.token, client: &http.Client{Timeout: 10 * time.Minute}}, nil
	case database == "":
		return nil, usagef("expected --database, or --server and a token")
	}
	s, err := c.settings(cmd.Flags())
	if err != nil {
		return nil, err
	}
	a, err := app.Open(cmd.Context(), s, c.version, app.NewLogger(c.Err, "warn", "text"))
	if err != nil {
		return nil, err
	}
	return &connection{target: s.BaseURL, client: &http.Client{Transport: local{a.API}}, app: a}, nil
}

// local answers requests in this process, as the operator at the server.
type local struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (l local) RoundTrip(req *http.Request) (*http.Response, error) {
	w := &answer{header: make(http.Header), status: http.StatusOK}
	l.handler.ServeHTTP(w, req.WithContext(api.WithActor(req.Context(), access.Operator("command line"))))
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: req}, nil
}

// An answer collects what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
