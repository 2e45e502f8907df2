package cli

import (
	"bytes"
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
	body         any
}

// do sends a call, to the server or into this process, and returns the answer.
func (c *cli) do(cmd *cobra.Command, in call) (json.RawMessage, error) {
	var body io.Reader = http.NoBody
	if in.body != nil {
		raw, err := json.Marshal(in.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	target, client, done, err := c.transport(cmd)
	if err != nil {
		return nil, err
	}
	defer done()
	path := target + api.Prefix + in.path
	if len(in.query) > 0 {
		path += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(cmd.Context(), in.method, path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fault.Newf(fault.Overloaded, "The server does not answer: %v", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, answerFault(res.StatusCode, raw)
	}
	return raw, nil
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

// transport finds out whether a command goes over the network.
func (c *cli) transport(cmd *cobra.Command) (target string, client *http.Client, done func(), err error) {
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
		return "", nil, nil, usagef("--server needs a token: --token or SALLYPORT_TOKEN")
	case c.server != "":
		return strings.TrimRight(c.server, "/"), &http.Client{Timeout: 2 * time.Minute}, func() {}, nil
	case database == "":
		return "", nil, nil, usagef("expected --database, or --server and a token")
	}
	s, err := c.settings(cmd.Flags())
	if err != nil {
		return "", nil, nil, err
	}
	a, err := app.Open(cmd.Context(), s, c.version, app.NewLogger(c.Err, "warn", "text"))
	if err != nil {
		return "", nil, nil, err
	}
	c.token = ""
	return s.BaseURL, &http.Client{Transport: local{a.API}}, func() { a.Close() }, nil
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
