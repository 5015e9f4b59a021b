#include "sync/reconcile.h"

#include "util/timestamp.h"

/* Whether another operation than this one fits the connector as well. */
static bool is_contested(
    const struct reconcile_pair *pairs, size_t pair_count, size_t operation, size_t connector)
{
	for (size_t i = 0; i < pair_count; i++)
		if (pairs[i].connector == connector && pairs[i].operation != operation)
			return true;
	return false;
}

void reconcile_decide(const struct reconcile_pair *pairs, size_t pair_count, size_t operation_count,
    struct reconcile_result *ret_results)
{
	for (size_t i = 0; i < operation_count; i++)
		ret_results[i] = (struct reconcile_result){.verdict = RECONCILE_NONE};
	for (size_t i = 0; i < pair_count; i++) {
		struct reconcile_result *result = &ret_results[pairs[i].operation];
		if (result->verdict == RECONCILE_NONE) {
			result->verdict = RECONCILE_FOUND;
			result->connector = pairs[i].connector;
		} else if (result->connector != pairs[i].connector) {
			result->verdict = RECONCILE_SEVERAL;
		}
	}
	/* Judged by the pairs alone, so that the order of the operations makes no difference. */
	for (size_t i = 0; i < operation_count; i++)
		if (ret_results[i].verdict == RECONCILE_FOUND &&
		    is_contested(pairs, pair_count, i, ret_results[i].connector))
			ret_results[i].verdict = RECONCILE_SEVERAL;
}

int64_t reconcile_next_listing(int64_t unknown_at, int64_t empty_at, bool settled)
{
	if (settled)
		return INT64_MAX;
	return empty_at == TIMESTAMP_NONE ? unknown_at : empty_at + RECONCILE_LISTINGS_APART;
}
