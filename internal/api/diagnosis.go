package api

import (
	"context"
	"net/http"

	"sallyport/internal/access"
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
}
