package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/saml"
)

type attemptOut struct {
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`
	ProfileID *string   `json:"profile_id" nullable:"true"`
	UserID    *string   `json:"user_id" nullable:"true"`
	Email     *string   `json:"email" nullable:"true" doc:"The user's; hash:… for what was typed, is nobody's and is at none of the organization's domains."`
	Method    string    `json:"method" enum:"sso,password,recovery"`
	Started   *string   `json:"started" nullable:"true" enum:"here,idp" doc:"Where: here is SP-initiated, idp is IdP-initiated."`
	Outcome   string    `json:"outcome" enum:"succeeded,refused,pending" doc:"pending: accepted, and not finished in the browser yet."`
	Code      *string   `json:"code" nullable:"true" doc:"Why it was refused."`
	Reference string    `json:"reference" doc:"What the user was shown; the same as id."`
	Address   string    `json:"address"`
	Agent     string    `json:"agent"`
}

func showAttempt(a record.Attempt) attemptOut {
	return attemptOut{ID: a.ID, Time: a.Time, ProfileID: optional(a.ProfileID), UserID: optional(a.UserID), Email: optional(a.Email), Method: string(a.Method),
		Started: optional(string(a.Started)), Outcome: string(a.Outcome), Code: optional(string(a.Code)), Reference: a.ID, Address: a.Address, Agent: a.Agent}
}

// A listedOut is an attempt in a list: what is bulky stands in its record.
type listedOut struct {
	attemptOut
	Kept   bool           `json:"kept" doc:"Whether the checks and the message were: not where there were too many at once."`
	Checks []testCheckOut `json:"checks" doc:"In the order of checking."`
}

func showListed(r record.Record) listedOut {
	return listedOut{showAttempt(r.Attempt), r.Kept, showChecks(r.Checks)}
}

type recordOut struct {
	attemptOut
	Kept       bool               `json:"kept" doc:"Whether the checks and the message were: not where there were too many at once."`
	Checks     []testCheckOut     `json:"checks" doc:"In the order of checking."`
	Diagnosis  *diagnosisOut      `json:"diagnosis,omitempty" doc:"What was wrong, and what to change, as the SSO profile is now. Not there where nothing is wrong."`
	Message    *string            `json:"message" nullable:"true" doc:"What the Identity Provider sent, decoded; the first 256 KiB of it."`
	MessageCut bool               `json:"message_cut"`
	Attributes []testAttributeOut `json:"attributes" doc:"What the Identity Provider said besides. Nothing of it is used."`
	Hidden     bool               `json:"hidden" doc:"The values of attributes are hidden, here and in the message: POST …/reveal shows them."`
}

// showRecord shows a record to who may read it, with its diagnosis.
func (a *API) showRecord(ctx context.Context, r record.Record, err error) (*body[recordOut], error) {
	if err != nil {
		return nil, err
	}
	d, err := a.SSO.Diagnose(ctx, &r)
	if err != nil {
		return nil, err
	}
	out := recordOut{attemptOut: showAttempt(r.Attempt), Kept: r.Kept, Checks: showChecks(r.Checks), Diagnosis: showDiagnosis(r.Code, d), Message: optional(r.Message.Readable()),
		MessageCut: r.Message.Cut, Attributes: []testAttributeOut{}, Hidden: r.Hidden}
	for _, a := range r.Attributes {
		out.Attributes = append(out.Attributes, testAttributeOut{a.Name, append([]string{}, a.Values...)})
	}
	return &body[recordOut]{out}, nil
}

// A diagnosisOut says what was wrong with an attempt.
type diagnosisOut struct {
	Finding  *string `json:"finding" nullable:"true" doc:"What the comparison of expected and found has shown, for programs; null where the code says it all."`
	Why      *string `json:"why" nullable:"true" doc:"The finding in words, in English. It may hold what the sender wrote."`
	Side     string  `json:"side" enum:"idp,sallyport,user" doc:"Where something has to change: at the Identity Provider, here, or by who signs in."`
	Field    *string `json:"field" nullable:"true" doc:"The name of the field there."`
	Fix      string  `json:"fix" doc:"What to do, in English."`
	Expected *string `json:"expected" nullable:"true"`
	Found    *string `json:"found" nullable:"true"`
	HelpURL  string  `json:"help_url" doc:"The page on the error code, below the base URL."`
}

func showDiagnosis(code fault.Code, d record.Diagnosis) *diagnosisOut {
	if d == (record.Diagnosis{}) {
		return nil
	}
	return &diagnosisOut{Finding: optional(string(d.Finding)), Why: optional(d.Why), Side: string(d.Side), Field: optional(d.Field), Fix: d.Fix,
		Expected: optional(d.Expected), Found: optional(d.Found), HelpURL: "/help/errors/" + string(code)}
}

func showChecks(checks []record.Check) []testCheckOut {
	out := []testCheckOut{}
	for _, c := range checks {
		out = append(out, testCheckOut{c.Name, string(c.Code), c.Status, c.Expected, c.Found, c.Note})
	}
	return out
}

type replayOut struct {
	Status    saml.Status    `json:"status" enum:"passed,failed"`
	Code      *string        `json:"code" nullable:"true" doc:"Why it would be refused."`
	Email     *string        `json:"email" nullable:"true" doc:"Whom the message names."`
	UserID    *string        `json:"user_id" nullable:"true" doc:"Whom it would sign in."`
	Diagnosis *diagnosisOut  `json:"diagnosis,omitempty" doc:"What would be wrong, and what to change. Not there where nothing is wrong."`
	Checks    []testCheckOut `json:"checks" doc:"In the order of checking. Those on requests and replays are left out."`
}

func (a *API) signIns() {
	const tag = "Diagnosis"
	attempt := []id.Kind{id.Attempt}

	type listSignIns struct {
		ID        string    `path:"id"`
		User      string    `query:"user" maxLength:"320" doc:"The id or the address of a user, or an unknown address at a domain of the organization."`
		Profile   string    `query:"profile" maxLength:"100"`
		Outcome   string    `query:"outcome" enum:"succeeded,refused,pending"`
		Code      string    `query:"code" maxLength:"100"`
		Reference string    `query:"reference" maxLength:"100"`
		Since     time.Time `query:"since"`
		Until     time.Time `query:"until"`
		Paging
	}
	handle(a, route{id: "list-sign-ins", method: http.MethodGet, path: "/organizations/{id}/sign-ins", tag: tag,
		summary: "List attempts to sign in", action: access.ActSignInRead, kinds: []id.Kind{id.Organization}},
		func(ctx context.Context, actor access.Actor, in *listSignIns) (*body[list[listedOut]], error) {
			found, err := a.Record.List(ctx, actor, record.Query{OrganizationID: in.ID, Who: in.User, ProfileID: in.Profile, Outcome: record.Outcome(in.Outcome),
				Code: in.Code, Reference: in.Reference, Since: in.Since, Until: in.Until, After: in.Cursor, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			checked, err := a.Record.WithChecks(ctx, found)
			return listOf(checked, in.Limit, showListed, func(r record.Record) string { return r.ID }), err
		})

	handle(a, route{id: "get-sign-in", method: http.MethodGet, path: "/sign-ins/{id}", tag: tag,
		summary: "Get an attempt to sign in, by its id or reference", action: access.ActSignInRead, kinds: attempt},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[recordOut], error) {
			r, err := a.Record.Record(ctx, actor, in.ID)
			return a.showRecord(ctx, r, err)
		})

	handle(a, route{id: "reveal-sign-in", method: http.MethodPost, path: "/sign-ins/{id}/reveal", tag: tag,
		summary: "Get an attempt to sign in with the values of attributes, which is audited", action: access.ActSignInReveal, kinds: attempt},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[recordOut], error) {
			r, err := a.Record.Reveal(ctx, actor, in.ID)
			return a.showRecord(ctx, r, err)
		})

	handle(a, route{id: "replay-sign-in", method: http.MethodPost, path: "/sign-ins/{id}/replay", tag: tag,
		summary: "Judge the message of an attempt by the present settings, without signing anybody in", action: access.ActSignInReplay, kinds: attempt},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[replayOut], error) {
			r, err := a.SSO.Replay(ctx, actor, in.ID)
			if err != nil {
				return nil, err
			}
			return &body[replayOut]{replayOut{Status: r.Status, Code: optional(string(r.Code)), Email: optional(r.Email), UserID: optional(r.UserID),
				Diagnosis: showDiagnosis(r.Code, r.Diagnosis), Checks: showChecks(r.Checks)}}, nil
		})
}
