package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/imports"
	"sallyport/internal/job"
	"sallyport/internal/sheet"
)

type importOut struct {
	ID             string         `json:"id"`
	OrganizationID string         `json:"organization_id"`
	Source         imports.Source `json:"source" enum:"csv,domain"`
	DryRun         bool           `json:"dry_run"`
	Invite         bool           `json:"invite"`
	Status         job.Status     `json:"status" enum:"queued,running,done,failed"`
	Code           *fault.Code    `json:"code" nullable:"true" doc:"Why it failed."`
	Total          int64          `json:"total" doc:"Rows; 0 while it is not known."`
	Done           int64          `json:"done"`
	Created        int64          `json:"created"`
	Updated        int64          `json:"updated" doc:"Became managed, or changed."`
	Unchanged      int64          `json:"unchanged" doc:"Repeated rows too."`
	Failed         int64          `json:"failed"`
	Unproved       int64          `json:"unproved" doc:"How many of the updated had never proved their address: they lose their password and have to arrive again."`
	Undo           *undoOut       `json:"undo,omitempty" doc:"Left out: nobody has asked for it."`
	CreatedBy      string         `json:"created_by"`
	CreatedAt      time.Time      `json:"created_at"`
	FinishedAt     *time.Time     `json:"finished_at" nullable:"true"`
}

type undoOut struct {
	Status job.Status `json:"status" enum:"queued,running,done,failed"`
	Undone int64      `json:"undone"`
	Kept   int64      `json:"kept" doc:"Changed by somebody since, or not to be taken back."`
}

func showImport(i imports.Import) importOut {
	out := importOut{
		ID: i.ID, OrganizationID: i.OrganizationID, Source: i.Source, DryRun: i.DryRun, Invite: i.Invite, Status: i.Status,
		Total: i.Total, Done: i.Done, Created: i.Created, Updated: i.Updated, Unchanged: i.Unchanged, Failed: i.Failed, Unproved: i.Unproved,
		CreatedBy: i.CreatedBy, CreatedAt: i.CreatedAt, FinishedAt: instant(i.FinishedAt),
	}
	if i.Code != "" {
		out.Code = &i.Code
	}
	if i.Undo.Status != "" {
		out.Undo = &undoOut{i.Undo.Status, i.Undo.Undone, i.Undo.Kept}
	}
	return out
}

type importRowOut struct {
	Number int64                   `json:"number" doc:"Its line in the file."`
	Email  string                  `json:"email"`
	Name   string                  `json:"name"`
	Role   string                  `json:"role"`
	Result directory.BroughtResult `json:"result" enum:"created,updated,unchanged,failed"`
	Code   *fault.Code             `json:"code" nullable:"true" doc:"Why it failed."`
	Reason string                  `json:"reason,omitempty"`
	UserID *string                 `json:"user_id" nullable:"true" doc:"usr_…, or inv_… of an invitation."`
	Undone *string                 `json:"undone" nullable:"true" enum:"undone,kept"`
}

func showImportRow(r imports.Result) importRowOut {
	out := importRowOut{Number: r.Number, Email: r.Email, Name: r.Name, Role: r.Role, Result: r.Result, Reason: r.Reason,
		UserID: optional(r.UserID), Undone: optional(r.Undone)}
	if r.Code != "" {
		out.Code = &r.Code
	}
	return out
}

// An Upload is a request whose body its operation reads by itself, as it comes.
type Upload struct{ ctx huma.Context }

// Resolve implements [huma.Resolver].
func (u *Upload) Resolve(ctx huma.Context) []error {
	u.ctx = ctx
	return nil
}

// uploadTime is how long a body may take to come.
const uploadTime = 10 * time.Minute

// body returns what is sent, and of which type it is.
func (u *Upload) body(limit int64) (kind string, body io.Reader) {
	r, w := humago.Unwrap(u.ctx)
	c := http.NewResponseController(w)
	// Where the listener can't, its own limits count.
	_ = c.SetReadDeadline(time.Now().Add(uploadTime))
	_ = c.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
	kind, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type")) // empty if it is none
	return kind, http.MaxBytesReader(w, r.Body, limit)
}

// importBody describes the two bodies of an import.
func importBody() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"text/csv": {Schema: &huma.Schema{Type: "string", Description: "UTF-8. The first line names the columns email, name and role, in any order; others are left alone. Up to 100,000 rows and 32 MiB."}},
		"application/json": {Schema: &huma.Schema{Type: "object", AdditionalProperties: false, Required: []string{"source"}, Properties: map[string]*huma.Schema{
			"source":     {Type: "string", Enum: []any{"domain"}, Description: "All independent users at verified domains of the organization."},
			"domain_ids": {Type: "array", Items: &huma.Schema{Type: "string"}, Description: "Only at these; at all verified ones if left out."},
		}}},
	}}
}

type startImport struct {
	ID     string `path:"id"`
	DryRun bool   `query:"dry_run" doc:"Find out what would happen; nothing changes."`
	Invite bool   `query:"invite" default:"true" doc:"Send invitations."`
	Upload
}

func (a *API) startImport(ctx context.Context, actor access.Actor, in *startImport) (*body[importOut], error) {
	options := imports.Options{DryRun: in.DryRun, Silent: !in.Invite}
	kind, from := in.body(imports.MaxBytes)
	if kind == "text/csv" {
		i, err := a.Imports.ImportCSV(ctx, actor, in.ID, from, options)
		return &body[importOut]{showImport(i)}, err
	}
	domainIDs, err := importOfDomains(from)
	if err != nil {
		return nil, err
	}
	i, err := a.Imports.ImportDomains(ctx, actor, in.ID, domainIDs, options)
	return &body[importOut]{showImport(i)}, err
}

// importOfDomains reads the JSON body.
func importOfDomains(from io.Reader) ([]string, error) {
	var in struct {
		Source    string   `json:"source"`
		DomainIDs []string `json:"domain_ids"`
	}
	raw, err := io.ReadAll(io.LimitReader(from, defaultMaxBody+1))
	if err != nil || len(raw) > defaultMaxBody {
		return nil, errors.Join(err, fault.New(fault.TooLarge, "The body is too large."))
	}
	if err := strictJSON(raw, &in); err != nil {
		return nil, err
	}
	if in.Source != string(imports.FromDomain) {
		return nil, fault.Invalid(fault.Field{Name: "source", Message: "is domain; a file is sent as text/csv"})
	}
	if len(in.DomainIDs) > 1000 {
		return nil, fault.Invalid(fault.Field{Name: "domain_ids", Message: "holds too many"})
	}
	return in.DomainIDs, nil
}

// strictJSON reads one JSON object without unknown fields.
func strictJSON(raw []byte, into any) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return fault.New(fault.Malformed, "The body is neither text/csv nor a JSON object.")
	}
	for name := range fields {
		if name != "source" && name != "domain_ids" {
			return fault.Invalid(fault.Field{Name: name, Message: "is not known"})
		}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return fault.Invalid(fault.Field{Name: wrong.Field, Message: "is of another type"})
		}
		return fault.New(fault.Malformed, "The body is not JSON.")
	}
	return nil
}

func (a *API) imports() {
	const tag = "Imports"
	one, organization := []id.Kind{id.Job}, []id.Kind{id.Organization}

	handle(a, route{id: "start-import", method: http.MethodPost, path: "/organizations/{id}/imports", tag: tag, body: importBody(),
		summary: "Import users from a file or from verified domains", action: access.ActUserCreate, kinds: organization, status: http.StatusAccepted},
		a.startImport)

	type listImports struct {
		ID string `path:"id"`
		Paging
	}
	handle(a, route{id: "list-imports", method: http.MethodGet, path: "/organizations/{id}/imports", tag: tag,
		summary: "List an organization's imports", action: access.ActUserRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *listImports) (*body[list[importOut]], error) {
			found, err := a.Imports.Imports(ctx, actor, in.ID, in.directory())
			return listOf(found, in.Limit, showImport, func(i imports.Import) string { return i.ID }), err
		})

	handle(a, route{id: "get-import", method: http.MethodGet, path: "/imports/{id}", tag: tag,
		summary: "Get an import and how far it is", action: access.ActUserRead, kinds: one},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[importOut], error) {
			i, err := a.Imports.Import(ctx, actor, in.ID)
			return &body[importOut]{showImport(i)}, err
		})

	type listRows struct {
		ID     string                  `path:"id"`
		Result directory.BroughtResult `query:"result" enum:"created,updated,unchanged,failed"`
		Undone string                  `query:"undone" enum:"undone,kept" doc:"The undo list: what was taken back, or was not."`
		Paging
	}
	handle(a, route{id: "list-import-rows", method: http.MethodGet, path: "/imports/{id}/rows", tag: tag,
		summary: "List the rows of an import with their results, in their order", action: access.ActUserRead, kinds: one},
		func(ctx context.Context, actor access.Actor, in *listRows) (*body[list[importRowOut]], error) {
			after, err := rowNumber(in.Cursor)
			if err != nil {
				return nil, err
			}
			found, err := a.Imports.Results(ctx, actor, imports.ResultQuery{ImportID: in.ID, Result: in.Result, Undone: in.Undone, After: after, Limit: in.Limit})
			return listOf(found, in.Limit, showImportRow, func(r imports.Result) string { return strconv.FormatInt(r.Number, 10) }), err
		})

	type rowsFile struct {
		ID     string                  `path:"id"`
		Result directory.BroughtResult `query:"result" enum:"created,updated,unchanged,failed" doc:"Only these rows: failed ones can be corrected and uploaded again."`
		Stream
	}
	handle(a, route{id: "get-import-file", method: http.MethodGet, path: "/imports/{id}/rows.csv", tag: tag, produces: "text/csv",
		summary: "Get the rows of an import with their results as a CSV file", action: access.ActUserRead, kinds: one},
		func(ctx context.Context, actor access.Actor, in *rowsFile) (*huma.StreamResponse, error) {
			// An error behind the first octet can only break the file off.
			return streamed(a.Imports.File(ctx, actor, imports.ResultQuery{ImportID: in.ID, Result: in.Result}, in.file(sheet.Kind, "import-"+in.ID+".csv")))
		})

	type confirmImport struct {
		ID     string `path:"id"`
		Invite bool   `query:"invite" default:"true" doc:"Send invitations."`
	}
	handle(a, route{id: "confirm-import", method: http.MethodPost, path: "/imports/{id}/confirm", tag: tag,
		summary: "Import what a dry run has shown", action: access.ActUserCreate, kinds: one, status: http.StatusAccepted},
		func(ctx context.Context, actor access.Actor, in *confirmImport) (*body[importOut], error) {
			i, err := a.Imports.Confirm(ctx, actor, in.ID, !in.Invite)
			return &body[importOut]{showImport(i)}, err
		})

	handle(a, route{id: "undo-import", method: http.MethodPost, path: "/imports/{id}/undo", tag: tag,
		summary: "Take an import back", action: access.ActUserDelete, kinds: one, status: http.StatusAccepted},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[importOut], error) {
			i, err := a.Imports.UndoImport(ctx, actor, in.ID)
			return &body[importOut]{showImport(i)}, err
		})
}

func rowNumber(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Invalid(fault.Field{Name: "cursor", Message: "is not one of this list"})
	}
	return n, nil
}
