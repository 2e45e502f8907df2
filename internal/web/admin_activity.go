package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/sso"
)

type activityView struct {
	AdminFrame
	Filter   activityFilter
	Errors   formErrors
	Profiles []formOption
	Outcomes []formOption
	Codes    []formOption
	Attempts []attemptRow
	Next     string
	First    string
	Filtered bool
	Missing  string // the reference for which there is no record
}

// An activityFilter is what the URL says of a list of attempts, as it was typed.
type activityFilter struct {
	User, Profile, Outcome, Code, Since, Until string
}

// An attemptRow is an attempt in a list.
type attemptRow struct {
	Time           time.Time
	URL            string
	Who, WhoURL    string
	Profile        string
	Method         string
	Outcome        record.Outcome
	Code           string
	Reference      string
	Address, Agent string
}

// activityPage is how many attempts a page lists: as many as fit, whatever
// senders have made of them.
const activityPage = 40

// Limits of what lists show of an attempt: octets, as they stand in the page.
const (
	shownWho   = 120
	shownName  = 80
	shownAgent = 60
)

// activityCodes are those with which an attempt can be refused, besides those of
// package saml.
var activityCodes = []fault.Code{fault.CredentialsInvalid, fault.RateLimited, fault.RecoveryCodeInvalid, fault.SSORequired, fault.UserNotFound, fault.UserDeactivated,
	fault.UserNotActivated, fault.SSONotEnabledForUser, fault.SSOProfileMismatch, fault.SSOProfileDisabled, fault.DomainNotVerified}

// adminActivity lists the attempts to sign in. A reference leads to its record.
func (w *Web) adminActivity(v *visit) error {
	q := v.URL.Query()
	if reference := cleanReference(q.Get("reference")); reference != "" {
		return v.lookUp(reference)
	}
	filter := activityFilter{q.Get("user"), q.Get("profile"), q.Get("outcome"), q.Get("code"), q.Get("since"), q.Get("until")}
	if slices.ContainsFunc([]string{filter.User, filter.Profile, filter.Outcome, filter.Code, filter.Since, filter.Until}, func(s string) bool { return len(s) > mostFilter }) {
		return fault.New(fault.Malformed, "")
	}
	view, err := v.activityView(filter)
	if err != nil {
		return err
	}
	after, err := v.after(id.Attempt)
	if err != nil {
		return err
	}
	query, err := view.Filter.query()
	if err != nil {
		view.Errors = v.formErrors(err)
		return v.render(v.note(err), "admin_activity", view)
	}
	values := view.Filter.values()
	if view.Filtered = len(values) > 0; after != "" {
		view.First = "?" + values.Encode()
	}
	query.After, query.Limit = after, activityPage+1
	found, err := v.attempts(query)
	if err != nil {
		return err
	}
	if len(found) > activityPage {
		found = found[:activityPage]
		values.Set("after", found[activityPage-1].ID)
		view.Next = "?" + values.Encode()
	}
	if view.Attempts, err = v.attemptRows(&view.AdminFrame, found); err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_activity", view)
}

// cleanReference is a reference as it was meant by whoever has typed it, or pasted
// it with what stood around it.
func cleanReference(typed string) string {
	text, _ := firstOf(strings.ToLower(strings.TrimSpace(typed)), 100)
	if i := strings.Index(text, "att_"); i >= 0 {
		if reference, _, _ := strings.Cut(text[i:], " "); id.Attempt.Valid(strings.TrimRight(reference, ".,;")) {
			return strings.TrimRight(reference, ".,;")
		}
	}
	return text
}

// lookUp leads to the record with a reference.
func (v *visit) lookUp(reference string) error {
	_, err := v.web.Record.Record(v.Context(), v.actor(), reference)
	if err == nil {
		return v.to("/activity/" + reference)
	}
	if !errorIs(err, fault.NotFound) {
		return err
	}
	view, err := v.activityView(activityFilter{})
	if err != nil {
		return err
	}
	view.Missing, view.Filtered = reference, true
	return v.render(http.StatusOK, "admin_activity", view)
}

// activityView begins the page, with the choices of its filters.
func (v *visit) activityView(f activityFilter) (view activityView, err error) {
	view = activityView{AdminFrame: v.adminFrame("activity", "activity.title"), Filter: f}
	profiles, err := v.web.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return view, err
	}
	view.Profiles = view.profileOptions(profiles, f.Profile)
	var outcomes, codes []formOption
	for _, o := range record.Outcomes() {
		outcomes = append(outcomes, formOption{Value: string(o), Text: view.Word("attempt_outcome", string(o))})
	}
	for _, code := range fault.Codes() {
		if strings.HasPrefix(string(code), "saml_") && code != fault.SAMLLogoutInvalid || slices.Contains(activityCodes, code) {
			codes = append(codes, formOption{Value: string(code), Text: string(code)})
		}
	}
	slices.SortFunc(codes, func(a, b formOption) int { return strings.Compare(a.Value, b.Value) })
	view.Outcomes, view.Codes = view.choice(outcomes, f.Outcome), view.choice(codes, f.Code)
	return view, nil
}

// shownProfiles is how many SSO profiles can be chosen from; a link can name
// any.
const shownProfiles = 40

func (f *AdminFrame) profileOptions(profiles []sso.View, chosen string) []formOption {
	var options []formOption
	for i, p := range profiles {
		if i < shownProfiles || p.ID == chosen {
			name, _ := firstOf(p.Name, shownName)
			options = append(options, formOption{Value: p.ID, Text: name})
		}
	}
	return f.choice(options, chosen)
}

// choice is any of the options, with the chosen one marked. One that is none of
// them is one more: what a page is filtered by is seen.
func (f *AdminFrame) choice(options []formOption, chosen string) []formOption {
	options = append([]formOption{{Text: f.T("users.any")}}, options...)
	if i := slices.IndexFunc(options, func(o formOption) bool { return o.Value == chosen }); i >= 0 {
		options[i].Chosen = true
		return options
	}
	text, _ := firstOf(chosen, shownName)
	return append(options, formOption{Value: text, Text: text, Chosen: true})
}

// query is the filter as the use case takes it. What is no value of a filter
// finds nothing; what is no date is told at its field.
func (f *activityFilter) query() (q record.Query, err error) {
	q = record.Query{Who: strings.TrimSpace(f.User), ProfileID: f.Profile, Outcome: record.Outcome(f.Outcome), Code: f.Code}
	q.Since, q.Until, err = days(f.Since, f.Until)
	return q, err
}

func (f *activityFilter) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"user": f.User, "profile": f.Profile, "outcome": f.Outcome, "code": f.Code, "since": f.Since, "until": f.Until} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// mostFilter is how long the value of a filter may be, in octets: an address has
// no more.
const mostFilter = 320

// shownAttempts is how many attempts the pages of a user and of an SSO profile
// list.
const shownAttempts = 10

// attempts reads attempts of the organization, the latest first.
func (v *visit) attempts(q record.Query) ([]record.Attempt, error) {
	q.OrganizationID = v.organization.ID
	return v.web.Record.List(v.Context(), v.actor(), q)
}

// latest are the attempts that a page about something else lists.
func (v *visit) latest(f *AdminFrame, q record.Query) ([]attemptRow, error) {
	q.Limit = shownAttempts
	found, err := v.attempts(q)
	if err != nil {
		return nil, err
	}
	return v.attemptRows(f, found)
}

func (v *visit) attemptRows(f *AdminFrame, attempts []record.Attempt) (rows []attemptRow, err error) {
	if len(attempts) == 0 {
		return nil, nil
	}
	profiles, err := v.web.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, p := range profiles {
		names[p.ID], _ = firstOf(p.Name, shownName)
	}
	for i := range attempts {
		rows = append(rows, f.attemptRow(&attempts[i], names))
	}
	return rows, nil
}

func (f *AdminFrame) attemptRow(a *record.Attempt, profiles map[string]string) attemptRow {
	row := attemptRow{Time: a.Time, URL: f.Base + "/activity/" + a.ID, Method: f.Word("way", string(a.Method)), Outcome: a.Outcome, Code: string(a.Code),
		Reference: a.ID, Address: a.Address}
	row.Who, row.WhoURL = f.who(a)
	row.Who, _ = firstOf(row.Who, shownWho)
	row.Agent, _ = firstOf(browserName(a.Agent), shownAgent)
	if row.Profile = profiles[a.ProfileID]; row.Profile == "" && a.ProfileID != "" {
		row.Profile = a.ProfileID
	}
	return row
}

// who is whom an attempt was of, with their page.
func (f *AdminFrame) who(a *record.Attempt) (text, url string) {
	switch {
	case id.User.Valid(a.UserID):
		return a.Email, f.Base + "/users/" + a.UserID
	case a.Email == "":
		return f.T("activity.nobody"), ""
	case strings.HasPrefix(a.Email, "hash:"):
		return f.T("activity.unknown"), ""
	}
	return a.Email, ""
}
