package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/id"
)

type explainOut struct {
	Email     string        `json:"email"`
	UserID    string        `json:"user_id"`
	Method    access.Method `json:"method" enum:"password,sso,none"`
	Reason    access.Reason `json:"reason"`
	ProfileID *string       `json:"profile_id" nullable:"true"`
	Steps     []stepOut     `json:"steps" doc:"The lines of the policy up to the one that decided."`
}

type stepOut struct {
	Reason  access.Reason `json:"reason"`
	Applies bool          `json:"applies"`
	Fact    access.Fact   `json:"fact" doc:"What was found of the user."`
	Text    string        `json:"text" doc:"The fact in words."`
}

type eventOut struct {
	ID        string         `json:"id"`
	Time      time.Time      `json:"time"`
	Actor     eventActor     `json:"actor"`
	Action    audit.Action   `json:"action"`
	Target    eventTarget    `json:"target"`
	Changes   []audit.Change `json:"changes"`
	Outcome   string         `json:"outcome,omitempty"`
	Code      string         `json:"code,omitempty"`
	Reference string         `json:"reference,omitempty"`
}

type eventActor struct {
	Kind    string `json:"kind"`
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	Agent   string `json:"agent,omitempty"`
}

type eventTarget struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

func showEvent(e audit.Event) eventOut {
	return eventOut{
		ID: e.ID, Time: e.Time, Actor: eventActor{e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Address, e.Actor.Agent},
		Action: e.Action, Target: eventTarget(e.Target), Changes: e.Changes, Outcome: e.Outcome, Code: e.Code, Reference: e.Reference,
	}
}

func (a *API) diagnosis() {
	const tag = "Diagnosis"

	type explainUser struct {
		Email string `query:"email" required:"true" maxLength:"320"`
	}
	handle(a, route{id: "explain", method: http.MethodGet, path: "/explain", tag: tag,
		summary: "Tell how somebody signs in, and why", action: access.ActExplain},
		func(ctx context.Context, actor access.Actor, in *explainUser) (*body[explainOut], error) {
			e, err := a.Directory.Explain(ctx, actor, in.Email)
			out := explainOut{Email: e.User.Email, UserID: e.User.ID, Method: e.Decision.Method, Reason: e.Decision.Reason,
				ProfileID: optional(e.Decision.ProfileID), Steps: []stepOut{}}
			for _, s := range e.Steps {
				out.Steps = append(out.Steps, stepOut{s.Reason, s.Applies, s.Fact, s.Fact.Sentence()})
			}
			return &body[explainOut]{out}, err
		})

	type listEvents struct {
		ID     string    `path:"id"`
		Since  time.Time `query:"since"`
		Until  time.Time `query:"until"`
		Actor  string    `query:"actor" maxLength:"320"`
		Action string    `query:"action" maxLength:"100"`
		Paging
	}
	handle(a, route{id: "list-audit-events", method: http.MethodGet, path: "/organizations/{id}/audit", tag: tag,
		summary: "List what changed and who signed in", action: access.ActAuditRead, kinds: []id.Kind{id.Organization}},
		func(ctx context.Context, actor access.Actor, in *listEvents) (*body[list[eventOut]], error) {
			if err := directory.Refusal(access.May(actor, access.ActAuditRead, in.ID)); err != nil {
				return nil, err
			}
			if err := a.Record.Flush(ctx); err != nil { // refused sign-ins are in the log, too
				return nil, err
			}
			var found []audit.Event
			err := a.DB.View(ctx, func(tx *db.Tx) (err error) {
				found, err = a.Audit.List(tx, audit.Query{OrganizationID: in.ID, Since: in.Since, Until: in.Until,
					Actor: in.Actor, Action: in.Action, After: in.Cursor, Limit: in.Limit})
				return err
			})
			return listOf(found, in.Limit, showEvent, func(e audit.Event) string { return e.ID }), err
		})
}
