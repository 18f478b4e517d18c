package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/inference/types"
)

func TestRequestsAreFilteredAndPaged(t *testing.T) {
	f := newFixture(t)
	f.register("other", pairModel(3), 0)
	f.submit(submission(input(1), input(1), input(1))) // 1..3 of alice for pair
	msg := submission(input(1), input(1))
	msg.Requester, msg.Model = bob.String(), "other"
	f.submit(msg) // 4, 5 of bob for other
	f.assign(2, 4)

	m, err := f.models.Find(f.ctx, "other")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		req  types.QueryRequestsRequest
		want []uint64
	}{
		"all":                                  {types.QueryRequestsRequest{}, []uint64{1, 2, 3, 4, 5}},
		"of a requester":                       {types.QueryRequestsRequest{Requester: alice.String()}, []uint64{1, 2, 3}},
		"of no one":                            {types.QueryRequestsRequest{Requester: owner.String()}, nil},
		"for a model":                          {types.QueryRequestsRequest{Model: "other"}, []uint64{4, 5}},
		"for a sha256":                         {types.QueryRequestsRequest{Model: m.Sha256}, []uint64{4, 5}},
		"in a status":                          {types.QueryRequestsRequest{Status: types.REQUEST_STATUS_ASSIGNED}, []uint64{2, 4}},
		"in another":                           {types.QueryRequestsRequest{Status: types.REQUEST_STATUS_SUBMITTED}, []uint64{1, 3, 5}},
		"of a requester in a status":           {types.QueryRequestsRequest{Requester: alice.String(), Status: types.REQUEST_STATUS_SUBMITTED}, []uint64{1, 3}},
		"of a requester for a model":           {types.QueryRequestsRequest{Requester: bob.String(), Model: "other"}, []uint64{4, 5}},
		"of a requester for what another asks": {types.QueryRequestsRequest{Requester: alice.String(), Model: "other"}, nil},
		"for a model in a status":              {types.QueryRequestsRequest{Model: "other", Status: types.REQUEST_STATUS_ASSIGNED}, []uint64{4}},
		"of all three":                         {types.QueryRequestsRequest{Requester: bob.String(), Model: m.Sha256, Status: types.REQUEST_STATUS_SUBMITTED}, []uint64{5}},
		"in a tier":                            {types.QueryRequestsRequest{Tier: types.TIER_QUORUM, Status: types.REQUEST_STATUS_ASSIGNED}, []uint64{2, 4}},
		"in a tier that nobody chose":          {types.QueryRequestsRequest{Tier: types.TIER_COMMITTEE}, nil},
		"filtered, newest first":               {types.QueryRequestsRequest{Requester: alice.String(), Status: types.REQUEST_STATUS_SUBMITTED, Pagination: &query.PageRequest{Reverse: true}}, []uint64{3, 1}},
		"newest first":                         {types.QueryRequestsRequest{Pagination: &query.PageRequest{Reverse: true, Limit: 2}}, []uint64{5, 4}},
		"page of a status":                     {types.QueryRequestsRequest{Status: types.REQUEST_STATUS_SUBMITTED, Pagination: &query.PageRequest{Limit: 2}}, []uint64{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := f.queries.Requests(f.ctx, &tc.req)
			require.NoError(t, err)
			var got []uint64
			for _, r := range res.Requests {
				got = append(got, r.Id)
			}
			require.Equal(t, tc.want, got)
		})
	}

	first, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Requester: alice.String(), Pagination: &query.PageRequest{Limit: 2}})
	require.NoError(t, err)
	rest, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Requester: alice.String(), Pagination: &query.PageRequest{Key: first.Pagination.NextKey}})
	require.NoError(t, err)
	require.Len(t, rest.Requests, 1)
	require.Equal(t, uint64(3), rest.Requests[0].Id)
}

func TestQueriesTellAbsenceFromBadArguments(t *testing.T) {
	f := newFixture(t)
	id := f.submit(submission(input(1)))[0]
	for name, tc := range map[string]struct {
		ask  func() error
		want codes.Code
	}{
		"request":         {func() error { _, err := f.queries.Request(f.ctx, &types.QueryRequestRequest{Id: 9}); return err }, codes.NotFound},
		"inputs":          {func() error { _, err := f.queries.Inputs(f.ctx, &types.QueryInputsRequest{Id: 9}); return err }, codes.NotFound},
		"result":          {func() error { _, err := f.queries.Result(f.ctx, &types.QueryResultRequest{Id: 9}); return err }, codes.NotFound},
		"receipt":         {func() error { _, err := f.queries.Receipt(f.ctx, &types.QueryReceiptRequest{Id: 9}); return err }, codes.NotFound},
		"result to come":  {func() error { _, err := f.queries.Result(f.ctx, &types.QueryResultRequest{Id: id}); return err }, codes.FailedPrecondition},
		"receipt to come": {func() error { _, err := f.queries.Receipt(f.ctx, &types.QueryReceiptRequest{Id: id}); return err }, codes.FailedPrecondition},
		"bad requester": {func() error {
			_, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Requester: "x"})
			return err
		}, codes.InvalidArgument},
		"unknown model": {func() error {
			_, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Model: "none"})
			return err
		}, codes.NotFound},
		"a bad page": {func() error {
			_, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Model: "pair", Pagination: &query.PageRequest{Key: []byte{1}}})
			return err
		}, codes.InvalidArgument},
		"a status that is none": {func() error {
			_, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Status: 99})
			return err
		}, codes.InvalidArgument},
		"a tier that is none": {func() error {
			_, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Tier: -1})
			return err
		}, codes.InvalidArgument},
		"schedules of a status that is none": {func() error {
			_, err := f.queries.Schedules(f.ctx, &types.QuerySchedulesRequest{Status: 99})
			return err
		}, codes.InvalidArgument},
		"bad owner": {func() error {
			_, err := f.queries.Schedules(f.ctx, &types.QuerySchedulesRequest{Owner: "x"})
			return err
		}, codes.InvalidArgument},
		"bad page of schedules": {func() error {
			_, err := f.queries.Schedules(f.ctx, &types.QuerySchedulesRequest{Pagination: &query.PageRequest{Key: []byte{1}}})
			return err
		}, codes.InvalidArgument},
		"schedules for an unknown model": {func() error {
			_, err := f.queries.Schedules(f.ctx, &types.QuerySchedulesRequest{Model: "none"})
			return err
		}, codes.NotFound},
		"schedule": {func() error { _, err := f.queries.Schedule(f.ctx, &types.QueryScheduleRequest{Id: 9}); return err }, codes.NotFound},
		"runs of a schedule": {func() error {
			_, err := f.queries.ScheduleRuns(f.ctx, &types.QueryScheduleRunsRequest{Id: 9})
			return err
		}, codes.NotFound},
		"idempotency key": {func() error {
			_, err := f.queries.IdempotencyKey(f.ctx, &types.QueryIdempotencyKeyRequest{Requester: alice.String(), Key: "none"})
			return err
		}, codes.NotFound},
		"idempotency key of nobody": {func() error {
			_, err := f.queries.IdempotencyKey(f.ctx, &types.QueryIdempotencyKeyRequest{Requester: "x", Key: "none"})
			return err
		}, codes.InvalidArgument},
		"quote for an unknown model": {func() error { _, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: "none"}); return err }, codes.NotFound},
		"quote in a bad tier": {func() error {
			_, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: "pair", Tier: 99})
			return err
		}, codes.InvalidArgument},
		"quote with a bad symbol": {func() error {
			_, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: "pair", Symbols: []string{"x"}})
			return err
		}, codes.InvalidArgument},
		"quote of an unknown output": {func() error {
			_, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: "pair", Outputs: []string{"x"}})
			return err
		}, codes.InvalidArgument},
		"no request":       {func() error { _, err := f.queries.Request(f.ctx, nil); return err }, codes.InvalidArgument},
		"no requests":      {func() error { _, err := f.queries.Requests(f.ctx, nil); return err }, codes.InvalidArgument},
		"no inputs":        {func() error { _, err := f.queries.Inputs(f.ctx, nil); return err }, codes.InvalidArgument},
		"no result":        {func() error { _, err := f.queries.Result(f.ctx, nil); return err }, codes.InvalidArgument},
		"no receipt":       {func() error { _, err := f.queries.Receipt(f.ctx, nil); return err }, codes.InvalidArgument},
		"no quote":         {func() error { _, err := f.queries.Quote(f.ctx, nil); return err }, codes.InvalidArgument},
		"no schedule":      {func() error { _, err := f.queries.Schedule(f.ctx, nil); return err }, codes.InvalidArgument},
		"no schedules":     {func() error { _, err := f.queries.Schedules(f.ctx, nil); return err }, codes.InvalidArgument},
		"no schedule runs": {func() error { _, err := f.queries.ScheduleRuns(f.ctx, nil); return err }, codes.InvalidArgument},
		"no key":           {func() error { _, err := f.queries.IdempotencyKey(f.ctx, nil); return err }, codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.ask()
			require.Error(t, err)
			require.Equal(t, tc.want, status.Code(err), err)
		})
	}
	res, err := f.queries.Request(f.ctx, &types.QueryRequestRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, f.request(id), res.Request)
}
