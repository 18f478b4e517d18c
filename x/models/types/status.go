package types

import "strings"

// Usable reports whether new requests for the model are taken.
func (m Model) Usable() bool { return m.Status.Usable() }

// Usable reports whether a model with this status takes new requests.
func (s ModelStatus) Usable() bool { return s == MODEL_STATUS_ACTIVE || s == MODEL_STATUS_DEPRECATED }

// Admitted reports whether a model with this status has been admitted. It is so for ever: no status leads back.
func (s ModelStatus) Admitted() bool { return s.Usable() || s == MODEL_STATUS_DISABLED }

// Attestable reports whether nodes attest models with this status.
func (s ModelStatus) Attestable() bool { return s == MODEL_STATUS_ADMITTING || s.Admitted() }

// Over reports whether the inspection or the admission of a model with this status has ended without success. Such a
// version gives way to another registration of the same file.
func (s ModelStatus) Over() bool { return s == MODEL_STATUS_REJECTED || s == MODEL_STATUS_EXPIRED }

// IsKnown reports whether the status is one that a model can have.
func (s ModelStatus) IsKnown() bool {
	_, named := ModelStatus_name[int32(s)]
	return named && s != MODEL_STATUS_UNSPECIFIED
}

// Word is the status as people write it, for example active; unspecified for none.
func (s ModelStatus) Word() string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "MODEL_STATUS_"))
}

// Word is the failure as people write it, for example timeout; none for none.
func (f ModelFailure) Word() string {
	return strings.ToLower(strings.TrimPrefix(f.String(), "MODEL_FAILURE_"))
}

// transitions lists the statuses that follow each status.
var transitions = map[ModelStatus][]ModelStatus{
	MODEL_STATUS_UNSPECIFIED: {MODEL_STATUS_INSPECTING, MODEL_STATUS_ADMITTING},
	MODEL_STATUS_INSPECTING:  {MODEL_STATUS_ADMITTING, MODEL_STATUS_REJECTED},
	MODEL_STATUS_ADMITTING:   {MODEL_STATUS_ACTIVE, MODEL_STATUS_REJECTED, MODEL_STATUS_EXPIRED},
	MODEL_STATUS_ACTIVE:      {MODEL_STATUS_DEPRECATED, MODEL_STATUS_DISABLED},
	MODEL_STATUS_DEPRECATED:  {MODEL_STATUS_ACTIVE, MODEL_STATUS_DISABLED},
	MODEL_STATUS_DISABLED:    {MODEL_STATUS_ACTIVE, MODEL_STATUS_DEPRECATED},
	MODEL_STATUS_REJECTED:    {MODEL_STATUS_ADMITTING},
	MODEL_STATUS_EXPIRED:     {MODEL_STATUS_ADMITTING},
}

// Next checks that a status may follow this one. It fails with ErrStatus.
func (s ModelStatus) Next(to ModelStatus) error {
	for _, follows := range transitions[s] {
		if follows == to {
			return nil
		}
	}
	return ErrStatus.Wrapf("%s cannot follow %s", to, s)
}

// OwnerSets checks that an owner may set this status on a model with the present one. It fails with ErrStatus.
func (m Model) OwnerSets(to ModelStatus) error {
	if !m.Status.Admitted() || !to.Admitted() {
		return ErrStatus.Wrapf("expected %s, %s or %s to be set on one of them, got %s on %s",
			MODEL_STATUS_ACTIVE, MODEL_STATUS_DEPRECATED, MODEL_STATUS_DISABLED, to, m.Status)
	}
	return m.Status.Next(to)
}

// MayReadmit checks that another admission of the model may be opened: the nodes rejected it, or the last admission has
// expired. A file that the inspection refuses stays refused. It fails with ErrStatus.
func (m Model) MayReadmit() error {
	if !m.Status.Over() || m.Verdict.Reason == ReasonRefused {
		return ErrStatus.Wrapf("expected a model that nodes rejected or whose admission has expired, got %s %s", m.Status, m.Verdict.Reason)
	}
	return nil
}

// Words of a verdict.
const (
	ReasonRefused      = "refused"
	ReasonDisagreement = "disagreement"
	ReasonNoQuorum     = "no_quorum"
)

// Reason is the word of a verdict for the failure; empty for none and for what is not known.
func (f ModelFailure) Reason() string {
	switch f {
	case MODEL_FAILURE_LOAD:
		return "load"
	case MODEL_FAILURE_EXECUTION:
		return "execution"
	case MODEL_FAILURE_CRASH:
		return "crash"
	case MODEL_FAILURE_TIMEOUT:
		return "timeout"
	case MODEL_FAILURE_OUTPUT:
		return "output"
	case MODEL_FAILURE_INSPECTION:
		return "inspection"
	case MODEL_FAILURE_RESOURCES:
		return "resources"
	default:
		return ""
	}
}
