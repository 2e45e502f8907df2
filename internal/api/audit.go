package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/door"
	"sallyport/internal/id"
)

// EventFilter selects events of a log.
type EventFilter struct {
	Since  time.Time `query:"since"`
	Until  time.Time `query:"until"`
	Actor  string    `query:"actor" maxLength:"320" doc:"Id, address or name of who did it."`
	Action string    `query:"action" maxLength:"100" doc:"One of the actions, or all of a kind: user."`
	Target string    `query:"target" maxLength:"320" doc:"Id, address or name of what it was done to."`
}

func (f *EventFilter) query(organizationID string) audit.Query {
	return audit.Query{OrganizationID: organizationID, Since: f.Since, Until: f.Until, Actor: f.Actor, Action: f.Action, Target: f.Target}
}

// Stream is embedded in the input of an operation that answers a file.
type Stream struct{ ctx huma.Context }

// Resolve implements [huma.Resolver].
func (s *Stream) Resolve(ctx huma.Context) []error {
	s.ctx = ctx
	return nil
}

// file begins the answer, when its first octet is there.
func (s *Stream) file(kind, name string) func() io.Writer {
	return func() io.Writer {
		_, w := humago.Unwrap(s.ctx)
		return door.File(w, kind, name)
	}
}

// streamed is the answer of an operation that has written it.
func streamed(err error) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(huma.Context) {}}, err
}

func (a *API) auditLog() {
	const tag = "Diagnosis"
	organization := []id.Kind{id.Organization}

	type listEvents struct {
		ID string `path:"id"`
		EventFilter
		Paging
	}
	handle(a, route{id: "list-audit-events", method: http.MethodGet, path: "/organizations/{id}/audit", tag: tag,
		summary: "List what changed and who signed in. Accept: text/csv or application/jsonl answers like …/audit/export", action: access.ActAuditRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *listEvents) (*body[list[audit.Event]], error) {
			if err := a.mayReadLog(ctx, actor, in.ID); err != nil {
				return nil, err
			}
			return a.events(ctx, in.query(in.ID), in.Paging)
		})

	type listInstallation struct {
		EventFilter
		Paging
	}
	handle(a, route{id: "list-installation-events", method: http.MethodGet, path: "/audit", tag: tag,
		summary: "List what changed that belongs to no organization", action: access.ActAuditInstallation},
		func(ctx context.Context, _ access.Actor, in *listInstallation) (*body[list[audit.Event]], error) {
			if err := a.Record.Flush(ctx); err != nil {
				return nil, err
			}
			q := in.query("")
			q.Installation = true
			return a.events(ctx, q, in.Paging)
		})

	type exportEvents struct {
		ID     string       `path:"id"`
		Format audit.Format `query:"format" default:"jsonl" enum:"csv,jsonl"`
		EventFilter
		Stream
	}
	handle(a, route{id: "export-audit-events", method: http.MethodGet, path: "/organizations/{id}/audit/export", tag: tag, produces: "application/jsonl",
		summary: "Get all that changed and who signed in as a file, newest first", action: access.ActAuditRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *exportEvents) (*huma.StreamResponse, error) {
			if err := a.mayReadLog(ctx, actor, in.ID); err != nil {
				return nil, err
			}
			return streamed(a.Audit.Export(ctx, actor, in.query(in.ID), in.Format, in.file(in.Format.Kind(), "audit-"+in.ID+"."+string(in.Format))))
		})
}

func (a *API) events(ctx context.Context, q audit.Query, p Paging) (*body[list[audit.Event]], error) {
	q.After, q.Limit = p.Cursor, p.Limit
	var found []audit.Event
	err := a.DB.View(ctx, func(tx *db.Tx) (err error) {
		found, err = a.Audit.List(tx, q)
		return err
	})
	return listOf(found, p.Limit, asItIs, func(e audit.Event) string { return e.ID }), err
}

func asItIs(e audit.Event) audit.Event { return e }

// mayReadLog lets those pass who may read an organization's log, which then holds
// what this node has refused, too.
func (a *API) mayReadLog(ctx context.Context, actor access.Actor, organizationID string) error {
	if err := directory.Refusal(access.May(actor, access.ActAuditRead, organizationID)); err != nil {
		return err
	}
	return a.Record.Flush(ctx)
}

// negotiated returns a request for a list as one for the file that it asks for:
// by Accept, of which the first type counts that is known here (RFC 9110, section
// 12.5.1, without weights).
func negotiated(r *http.Request) *http.Request {
	if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, Prefix+"/organizations/") || !strings.HasSuffix(r.URL.Path, "/audit") {
		return r
	}
	format := accepted(r.Header.Values("Accept"))
	if format == "" {
		return r
	}
	r = r.Clone(r.Context())
	r.URL.Path += "/export"
	r.URL.RawPath = ""
	q := r.URL.Query()
	q.Set("format", string(format))
	r.URL.RawQuery = q.Encode()
	return r
}

func accepted(headers []string) audit.Format {
	for _, header := range headers {
		for one := range strings.SplitSeq(header, ",") {
			kind, _, _ := strings.Cut(one, ";")
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case "text/csv":
				return audit.CSV
			case "application/jsonl", "application/x-ndjson":
				return audit.JSONLines
			case "application/json", "*/*":
				return ""
			}
		}
	}
	return ""
}
