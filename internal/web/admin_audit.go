package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/db"
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
}

type changeRow struct{ Field, Old, New string }

// events reads the organization's log. The route has checked the right.
func (v *visit) events(q audit.Query) (rows []eventRow, err error) {
	found, err := v.find(q)
	for i := range found {
		rows = append(rows, v.eventRow(&found[i]))
	}
	return rows, err
}

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
	Kind     string
	Actor    string
	Since    string
	Until    string
	Kinds    []formOption
	Events   []eventRow
	Next     string
	First    string
	Filtered bool
}

// auditKinds are the beginnings of actions by which the log can be filtered.
var auditKinds = []string{"sign_in", "user", "invitation", "account", "domain", "sso_profile", "setup_link", "organization", "session", "recovery", "token"}

// adminAudit shows the log of the organization.
func (w *Web) adminAudit(v *visit) error {
	q := v.URL.Query()
	view := auditView{AdminFrame: v.adminFrame("audit", "audit.title"), Filters: true,
		Kind: q.Get("kind"), Actor: q.Get("actor"), Since: q.Get("since"), Until: q.Get("until")}
	view.Kinds = []formOption{{Text: view.T("users.any")}}
	query := audit.Query{Actor: strings.TrimSpace(view.Actor)}
	for _, kind := range auditKinds {
		chosen := kind == view.Kind
		view.Kinds = append(view.Kinds, formOption{Value: kind, Text: view.Word("kind", kind), Chosen: chosen})
		if chosen {
			query.Action = kind + "."
		}
	}
	if query.Action == "" {
		view.Kind = ""
	}
	var err1, err2 error
	query.Since, err1 = day(view.Since, 0)
	query.Until, err2 = day(view.Until, 1)
	if err1 != nil || err2 != nil || len(query.Actor) > 320 {
		return fault.New(fault.Malformed, "")
	}
	values := url.Values{}
	for name, value := range map[string]string{"kind": view.Kind, "actor": query.Actor, "since": view.Since, "until": view.Until} {
		if value != "" {
			values.Set(name, value)
		}
	}
	view.Filtered = len(values) > 0
	return v.showLog(view, query, values)
}

// day reads a date, and adds days to it.
func day(text string, add int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	return t.AddDate(0, 0, add), err
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
