package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// An eventRow is an entry of the log as people read it.
type eventRow struct {
	Time           time.Time
	Actor          string
	Address, Agent string
	What           string
	Target         string
	TargetURL      string
	Changes        []changeRow
	Refused        bool
	Code           string
	Reference      string
	RecordURL      string // of the sign-in that the reference is of
}

type changeRow struct{ Field, Old, New string }

// find reads the organization's log. The route has checked the right.
func (v *visit) find(q audit.Query) (found []audit.Event, err error) {
	q.OrganizationID = v.organization.ID
	if err := v.web.Record.Flush(v.Context()); err != nil { // refused sign-ins are in the log, too
		return nil, err
	}
	err = v.web.DB.View(v.Context(), func(tx *db.Tx) error {
		found, err = v.web.Audit.List(tx, q)
		return err
	})
	return found, err
}

func (v *visit) eventRow(e *audit.Event) eventRow {
	f := Frame{Lang: v.lang, catalog: v.web.pages.catalog}
	row := eventRow{
		Time: e.Time, Actor: e.Actor.Name, Address: e.Actor.Address, Agent: browserName(e.Actor.Agent), What: f.Word("action", string(e.Action)),
		Target: e.Target.Name, TargetURL: v.targetURL(e.Target), Refused: e.Outcome == audit.Refused, Code: e.Code, Reference: e.Reference,
	}
	if strings.HasPrefix(string(e.Action), "sign_in.") {
		row.RecordURL = v.targetURL(audit.Target{Kind: "sign_in", ID: e.Reference})
	}
	if e.Actor.Kind != "user" {
		row.Actor = f.Word("actor", e.Actor.Kind)
		if e.Actor.Kind == "token" && e.Actor.Name != "" {
			row.Actor += " " + e.Actor.Name
		}
	}
	if e.Target.ID == e.Actor.ID && e.Actor.ID != "" || e.Target.ID == v.organization.ID {
		row.Target, row.TargetURL = "", "" // said already
	}
	for _, c := range e.Changes {
		row.Changes = append(row.Changes, changeRow{f.Word("change", c.Field), f.value(c.Old), f.value(c.New)})
	}
	return row
}

// targetURL is the page about a target, where there is one.
func (v *visit) targetURL(t audit.Target) string {
	kinds := map[string]struct {
		kind id.Kind
		path string
	}{"user": {id.User, "/users/"}, "domain": {id.Domain, "/domains/"}, "account": {id.Account, "/accounts/"},
		"sso_profile": {id.SSOProfile, "/sso/"}, "sign_in": {id.Attempt, "/activity/"}}
	if k, ok := kinds[t.Kind]; ok && k.kind.Valid(t.ID) {
		return v.base + k.path + t.ID
	}
	return ""
}

// value writes what a field was or became.
func (f Frame) value(value any) string {
	switch x := value.(type) {
	case nil:
		return ""
	case bool:
		if x {
			return f.T("audit.yes")
		}
		return f.T("audit.no")
	case string:
		if word, ok := f.catalog.find(f.Lang, "value."+x); ok {
			return word
		}
		return x
	case []any:
		var parts []string
		for _, one := range x {
			parts = append(parts, f.value(one))
		}
		return strings.Join(parts, ", ")
	case float64:
		return fmt.Sprint(x)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

type auditView struct {
	AdminFrame
	Filters  bool // the page can be filtered
	Filter   auditFilter
	Errors   formErrors
	Kinds    []auditKind
	Events   []eventRow
	Next     string
	First    string
	Filtered bool
	Export   string // the query that a file is asked for with; behind it the format
}

// An auditFilter is what the URL says of the log, as it was typed.
type auditFilter struct{ Action, Actor, Target, Since, Until string }

// An auditKind is a group of the actions that the log can be filtered by. Its own
// value is that of all of them.
type auditKind struct {
	formOption
	Actions []formOption
}

// auditKinds are the catalogue's actions by what they were done to.
func (f Frame) auditKinds(chosen string) (kinds []auditKind) {
	for _, e := range audit.Catalogue() {
		kind := e.Action.Kind()
		if kind == "installation" || kind == "secrets" || kind == "feedback" {
			continue // in no organization's log
		}
		if n := len(kinds); n == 0 || kinds[n-1].Value != kind+"." {
			name := f.Word("kind", kind)
			kinds = append(kinds, auditKind{formOption: formOption{Value: kind + ".", Text: name, Hint: f.T("audit.all_of", name), Chosen: chosen == kind+"."}})
		}
		last := &kinds[len(kinds)-1]
		last.Actions = append(last.Actions, formOption{Value: string(e.Action), Text: f.Word("action", string(e.Action)), Chosen: chosen == string(e.Action)})
	}
	return kinds
}

// newAuditFilter reads the URL. What no log can hold is refused as too long.
func newAuditFilter(q url.Values) (f auditFilter, err error) {
	f = auditFilter{q.Get("action"), strings.TrimSpace(q.Get("actor")), strings.TrimSpace(q.Get("target")), q.Get("since"), q.Get("until")}
	if len(f.Action) > 100 || len(f.Actor) > 320 || len(f.Target) > 320 || len(f.Since) > 100 || len(f.Until) > 100 {
		return f, fault.New(fault.Malformed, "")
	}
	return f, nil
}

func (f *auditFilter) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"action": f.Action, "actor": f.Actor, "target": f.Target, "since": f.Since, "until": f.Until} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// query is empty-handed only for days that are none.
func (f *auditFilter) query() (q audit.Query, err error) {
	q = audit.Query{Action: f.Action, Actor: f.Actor, Target: f.Target}
	q.Since, q.Until, err = days(f.Since, f.Until)
	return q, err
}

// adminAudit shows the log of the organization.
func (w *Web) adminAudit(v *visit) error {
	filter, err := newAuditFilter(v.URL.Query())
	if err != nil {
		return err
	}
	view := auditView{AdminFrame: v.adminFrame("audit", "audit.title"), Filters: true, Filter: filter}
	view.Kinds = view.auditKinds(filter.Action)
	query, err := filter.query()
	if err != nil {
		view.Errors = v.formErrors(err)
		return v.render(v.note(err), "admin_audit", view)
	}
	values := filter.values()
	view.Filtered, view.Export = len(values) > 0, v.base+"/audit/export?"+values.Encode()
	return v.showLog(view, query, values)
}

// adminAuditExport hands out the log as a file, by the filter of the page.
func (w *Web) adminAuditExport(v *visit) error {
	filter, err := newAuditFilter(v.URL.Query())
	if err != nil {
		return err
	}
	query, err := filter.query()
	if err != nil {
		return err
	}
	if err := w.Record.Flush(v.Context()); err != nil {
		return err
	}
	query.OrganizationID = v.organization.ID
	format := audit.Format(cmp.Or(v.URL.Query().Get("format"), string(audit.CSV)))
	return w.Audit.Export(v.Context(), v.actor(), query, format, func() io.Writer {
		return door.File(v.ResponseWriter, format.Kind(), "audit."+string(format))
	})
}

// day reads a date, and adds days to it.
func day(text string, add int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	return t.AddDate(0, 0, add), err
}

// days reads the first day of a list and its last. What is no date is told at its
// field.
func days(first, last string) (since, until time.Time, err error) {
	var wrong []fault.Field
	read := func(name, text string, add int) time.Time {
		t, err := day(text, add)
		if err != nil {
			wrong = append(wrong, fault.Field{Name: name, Message: "is no date, such as 2026-03-01"})
		}
		return t
	}
	since, until = read("since", first, 0), read("until", last, 1)
	if len(wrong) > 0 {
		err = fault.Invalid(wrong...)
	}
	return since, until, err
}

// showLog shows one page of the log.
func (v *visit) showLog(view auditView, q audit.Query, values url.Values) error {
	after, err := v.after(id.Event)
	if err != nil {
		return err
	}
	q.After, q.Limit = after, pageSize+1
	found, err := v.find(q)
	if err != nil {
		return err
	}
	if after != "" {
		view.First = "?" + values.Encode()
	}
	if len(found) > pageSize {
		found = found[:pageSize]
		values.Set("after", found[pageSize-1].ID)
		view.Next = "?" + values.Encode()
	}
	for i := range found {
		view.Events = append(view.Events, v.eventRow(&found[i]))
	}
	return v.render(http.StatusOK, "admin_audit", view)
}

// history shows what happened to one thing.
func (v *visit) history(section, title, path string, up Link, targetID string) error {
	view := auditView{AdminFrame: v.adminFrame(section, "audit.title")}
	view.Title, view.Up = title, up
	view.tabs(path, true)
	return v.showLog(view, audit.Query{TargetID: targetID}, url.Values{})
}

func (w *Web) adminOrganizationHistory(v *visit) error {
	return v.history("settings", v.request.text("settings.title"), v.base+"/settings", Link{}, v.organization.ID)
}

func (w *Web) adminDomainHistory(v *visit) error {
	d, err := v.domain()
	if err != nil {
		return err
	}
	return v.history("domains", d.Name, v.base+"/domains/"+d.ID, v.upToDomains(), d.ID)
}

func (w *Web) adminAccountHistory(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	return v.history("accounts", a.Name, v.base+"/accounts/"+a.ID, v.upToAccounts(), a.ID)
}

func (w *Web) adminUserHistory(v *visit) error {
	u, err := v.member()
	if err != nil {
		return err
	}
	userID, title := u.User.ID, u.User.Label()
	if i := u.Invitation; i != nil {
		userID, title = i.ID, i.Email
	}
	return v.history("users", title, v.base+"/users/"+userID, v.upToUsers(), userID)
}
