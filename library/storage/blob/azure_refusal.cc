#include "library/storage/blob/azure_refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "library/storage/blob/object_answer.h"

namespace wellhead::storage {
namespace {

struct AzureKnown {
  std::string_view code;
  Meaning meaning;
  std::string_view advice;
};

constexpr std::string_view kAzureKeys =
    "Check AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, and this machine's clock";
constexpr std::string_view kAzureRights = "Let this account read, write, list and delete in the container";
constexpr std::string_view kContainer =
    "Make the container, check WELLHEAD_BLOB_URL, or set WELLHEAD_CREATE_BUCKET=yes to have it made";
constexpr std::string_view kAzureNoStore = "Check that AZURE_STORAGE_ENDPOINT is the address of a blob service";
constexpr std::string_view kLog = "The store's own log says more";

constexpr auto kAzureKnown = std::to_array<AzureKnown>({
    {"BlobNotFound", Meaning::no_blob, {}},
    {"ContainerNotFound", Meaning::no_bucket, kContainer},
    {"BlobAlreadyExists", Meaning::exists, {}},
    {"ConditionNotMet", Meaning::changed, {}},
    {"InvalidRange", Meaning::out_of_range, {}},
    {"InvalidBlockList", Meaning::no_upload, {}},
    {"UnsupportedHeader", Meaning::not_implemented, {}},
    {"AuthenticationFailed", Meaning::refused, kAzureKeys},
    {"AuthorizationFailure", Meaning::refused, kAzureKeys},
    {"AuthorizationPermissionMismatch", Meaning::refused, kAzureRights},
    {"AuthorizationResourceTypeMismatch", Meaning::refused, kAzureRights},
    {"AuthorizationServiceMismatch", Meaning::refused, kAzureRights},
    {"InsufficientAccountPermissions", Meaning::refused, kAzureRights},
    {"AccountIsDisabled", Meaning::refused, kAzureRights},
    {"ContainerBeingDeleted", Meaning::busy, kLog},
    {"ServerBusy", Meaning::busy, "Try again later, or lower WELLHEAD_CONCURRENCY"},
    {"OperationTimedOut", Meaning::busy, kLog},
    {"InternalError", Meaning::busy, kLog},
});

AzureKnown azure_by_status(int status) {
  if (status == 401 || status == 403) return {"", Meaning::refused, kAzureKeys};
  if (status == 408 || status == 429 || (status >= 500 && status != 501 && status != 507))
    return {"", Meaning::busy, kLog};
  if (status == 507) return {"", Meaning::full, "Free disk space at the store; then `wellhead runs retry`"};
  if (status == 412) return {"", Meaning::changed, {}};
  if (status == 416) return {"", Meaning::out_of_range, {}};
  return {"", Meaning::failed, kLog};
}

}  // namespace

Refusal azure_refusal(const ObjectRequest& request, const ObjectAnswer& answer, const std::string& container) {
  auto error = read_error(answer.body);
  if (!error) {
    if (const auto code = answer.header("x-ms-error-code"); !code.empty()) error = StoreError{code, {}};
  }
  auto meaning = azure_by_status(answer.status);
  const auto* known = error ? std::ranges::find(kAzureKnown, error->code, &AzureKnown::code) : kAzureKnown.end();
  if (known != kAzureKnown.end()) meaning = *known;
  Refusal refusal{meaning.meaning, std::to_string(answer.status), std::string(meaning.advice)};
  if (error) {
    // The message goes on with the request's number and time.
    const auto said = error->message.substr(0, error->message.find(" RequestId:"));
    refusal.text += " " + error->code + (said.empty() ? "" : ": " + said);
  } else if (request.method == "HEAD" && answer.status == 404) {
    refusal.meaning = Meaning::no_blob;
  } else if (request.method != "HEAD" && answer.status < 500) {
    const auto body = describe_body(answer);
    refusal = {
        Meaning::no_store,
        fmt::format("the answer {} is none of a blob service{}{}", answer.status, body.empty() ? "" : ": ", body),
        std::string(kAzureNoStore)};
  }
  if (refusal.meaning == Meaning::no_bucket) refusal.text += fmt::format(" ({})", container);
  return refusal;
}

}  // namespace wellhead::storage
