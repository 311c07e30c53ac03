// The registry: every setting there is. `.env.example` documents the same ones; a test holds the two together.
#include <algorithm>
#include <array>

#include "library/meta/access_settings.h"
#include "library/meta/settings.h"
#include "library/meta/worker_settings.h"

namespace wellhead::meta {
namespace setting {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kHour = 3'600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

}  // namespace

constexpr Text kSourceUrl{{.name = "WELLHEAD_SOURCE_URL",
                           .kind = SettingKind::http_url,
                           .description = "Base URL of the FHIR R4 server to load from."}};
constexpr Text kSourceToken{
    {.name = "WELLHEAD_SOURCE_TOKEN",
     .description = "Bearer token for the source; its file is read again when the source answers 401.",
     .secret = true}};
constexpr Text kSourceUser{
    {.name = "WELLHEAD_SOURCE_USER", .description = "User for basic authentication at the source."}};
constexpr Text kSourcePassword{{.name = "WELLHEAD_SOURCE_PASSWORD",
                                .description = "Password for basic authentication at the source.",
                                .secret = true}};
constexpr Text kSourceCaFile{{.name = "WELLHEAD_SOURCE_CA_FILE",
                              .kind = SettingKind::path,
                              .description = "Certificates (PEM) to trust at the source, instead of the system's."}};
constexpr Integer kConcurrency{{.name = "WELLHEAD_CONCURRENCY",
                                .kind = SettingKind::integer,
                                .fallback = "5",
                                .description = "Extraction activities of a load that run at a time.",
                                .least = 1,
                                .most = 256}};
constexpr Integer kPageSize{{.name = "WELLHEAD_PAGE_SIZE",
                             .kind = SettingKind::integer,
                             .fallback = "1000",
                             .description = "Resources to ask for on a page of a search; the source may give fewer.",
                             .least = 1,
                             .most = 10'000}};
constexpr Integer kRequestRate{{.name = "WELLHEAD_REQUEST_RATE",
                                .kind = SettingKind::integer,
                                .fallback = "0",
                                .description = "Most requests to the source, all processes together; 0 is unlimited.",
                                .unit = "requests/s",
                                .most = 1'000'000}};
constexpr Text kObservations{
    {.name = "WELLHEAD_OBSERVATIONS",
     .kind = SettingKind::choice,
     .fallback = "auto",
     .description = "How observations are searched: one patient a search, several, or whichever the source can.",
     .choices = "auto|per-patient|batched"}};
constexpr Text kResources{{.name = "WELLHEAD_RESOURCES",
                           .fallback = "patient,observation",
                           .description =
                               "Built-in views that a load fills, with commas between: patient, observation, "
                               "encounter, condition, procedure, medication_request, immunization, "
                               "allergy_intolerance, diagnostic_report, or all. Patients always are."}};
constexpr Text kViews{{.name = "WELLHEAD_VIEWS",
                       .kind = SettingKind::path,
                       .description = "Directory of your own ViewDefinition files (*.json), each of which becomes a "
                                      "table that loads fill and the API serves."}};
constexpr Duration kConnectTimeout{{.name = "WELLHEAD_CONNECT_TIMEOUT",
                                    .kind = SettingKind::duration,
                                    .fallback = "10s",
                                    .description = "How long to wait for a connection to the source.",
                                    .unit = "seconds",
                                    .least = 1,
                                    .most = kHour}};
constexpr Duration kReadTimeout{{.name = "WELLHEAD_READ_TIMEOUT",
                                 .kind = SettingKind::duration,
                                 .fallback = "60s",
                                 .description = "How long the source may be silent before a request counts as failed.",
                                 .unit = "seconds",
                                 .least = 1,
                                 .most = kHour}};
constexpr Integer kMaxResponseBytes{{.name = "WELLHEAD_MAX_RESPONSE_BYTES",
                                     .kind = SettingKind::bytes,
                                     .fallback = "64MiB",
                                     .description = "Largest answer of the source that is taken, after decompression.",
                                     .unit = "bytes",
                                     .least = 1 << 16,
                                     .most = std::int64_t{1} << 31}};
constexpr Integer kRetryAttempts{{.name = "WELLHEAD_RETRY_ATTEMPTS",
                                  .kind = SettingKind::integer,
                                  .fallback = "6",
                                  .description = "How often a request is tried before its step fails; 1 is no retry.",
                                  .least = 1,
                                  .most = 100}};
constexpr Duration kRetryDelay{
    {.name = "WELLHEAD_RETRY_DELAY",
     .kind = SettingKind::duration,
     .fallback = "250ms",
     .description = "Longest wait before the first retry; doubles with each one, shortened at random.",
     .unit = "seconds",
     .most = kHour}};
constexpr Duration kRetryMaxDelay{
    {.name = "WELLHEAD_RETRY_MAX_DELAY",
     .kind = SettingKind::duration,
     .fallback = "20s",
     .description = "Longest wait between two tries; a source that asks for more ends the request.",
     .unit = "seconds",
     .most = kHour}};
constexpr Integer kCircuitFailures{
    {.name = "WELLHEAD_CIRCUIT_FAILURES",
     .kind = SettingKind::integer,
     .fallback = "10",
     .description = "Failures in a row after which the source is left alone for a while; 0 is never.",
     .most = 1'000'000}};
constexpr Duration kCircuitPeriod{
    {.name = "WELLHEAD_CIRCUIT_PERIOD",
     .kind = SettingKind::duration,
     .fallback = "1s",
     .description = "How long it is left alone at first, before one request tries it; doubles while it fails.",
     .unit = "seconds",
     .least = 1,
     .most = kHour}};
constexpr Duration kCircuitMaxPeriod{{.name = "WELLHEAD_CIRCUIT_MAX_PERIOD",
                                      .kind = SettingKind::duration,
                                      .fallback = "60s",
                                      .description = "Longest time between two such tries.",
                                      .unit = "seconds",
                                      .least = 1,
                                      .most = kDay}};
constexpr Text kHome{{.name = "WELLHEAD_HOME",
                      .kind = SettingKind::path,
                      .description = "Directory for the own PostgreSQL cluster and the blobs."}};
constexpr Text kDatabaseUrl{{.name = "WELLHEAD_DATABASE_URL",
                             .kind = SettingKind::database_url,
                             .description = "PostgreSQL 15 or later to use; not set, wellhead runs one of its own.",
                             .secret = true}};
constexpr Text kBlobUrl{
    {.name = "WELLHEAD_BLOB_URL", .kind = SettingKind::blob_url, .description = "Where staged and raw data lies."}};
constexpr Duration kKeepBlobs{
    {.name = "WELLHEAD_KEEP_BLOBS",
     .kind = SettingKind::duration,
     .fallback = "7d",
     .description = "How long staged CSV blobs stay after their run; then worker, up and load delete them.",
     .unit = "days",
     .most = 3'650 * kDay}};
constexpr Text kCreateBucket{{.name = "WELLHEAD_CREATE_BUCKET",
                              .kind = SettingKind::choice,
                              .fallback = "no",
                              .description = "Whether a bucket or container that is missing is made.",
                              .choices = "no|yes"}};
constexpr Text kS3Addressing{
    {.name = "WELLHEAD_S3_ADDRESSING",
     .kind = SettingKind::choice,
     .fallback = "auto",
     .description = "Where the bucket stands in a URL: its path or its host; auto is path with AWS_ENDPOINT_URL.",
     .choices = "auto|path|virtual-host"}};
constexpr Text kAwsEndpointUrl{{.name = "AWS_ENDPOINT_URL",
                                .kind = SettingKind::http_url,
                                .description = "Store for s3:// that speaks S3; not set, it is AWS."}};
constexpr Text kAwsRegion{{.name = "AWS_REGION",
                           .fallback = "us-east-1",
                           .description = "Region of the bucket, which requests are signed for."}};
constexpr Text kAwsAccessKeyId{{.name = "AWS_ACCESS_KEY_ID",
                                .description = "Access key for s3://; for Google's store an HMAC key.",
                                .secret = true}};
constexpr Text kAwsSecretAccessKey{
    {.name = "AWS_SECRET_ACCESS_KEY", .description = "Secret of that access key.", .secret = true}};
constexpr Text kAwsSessionToken{{.name = "AWS_SESSION_TOKEN",
                                 .description = "Session token that came with a temporary access key.",
                                 .secret = true}};
constexpr Text kAwsCaBundle{{.name = "AWS_CA_BUNDLE",
                             .kind = SettingKind::path,
                             .description = "Certificates (PEM) to trust at the blob store, instead of the system's."}};
constexpr Text kAzureAccount{{.name = "AZURE_STORAGE_ACCOUNT", .description = "Storage account for azure://."}};
constexpr Text kAzureKey{
    {.name = "AZURE_STORAGE_KEY", .description = "Shared key of the storage account.", .secret = true}};
constexpr Text kAzureSasToken{
    {.name = "AZURE_STORAGE_SAS_TOKEN", .description = "Shared access signature, instead of the key.", .secret = true}};
constexpr Text kAzureEndpoint{{.name = "AZURE_STORAGE_ENDPOINT",
                               .kind = SettingKind::http_url,
                               .description = "Base URL of the blob service; not set, it is Azure's for the account."}};
constexpr Duration kLeaseDuration{
    {.name = "WELLHEAD_LEASE_DURATION",
     .kind = SettingKind::duration,
     .fallback = "10s",
     .description = "How long a process that runs loads may be silent before another takes them over.",
     .unit = "seconds",
     .least = 500,
     .most = kHour}};
constexpr Text kSlots{{.name = "WELLHEAD_SLOTS",
                       .kind = SettingKind::text,
                       .description =
                           "Steps that a process works on at a time, by queue; those that are not named have "
                           "2, and extraction WELLHEAD_CONCURRENCY."}};
constexpr Text kEngine{{.name = "WELLHEAD_ENGINE",
                        .kind = SettingKind::choice,
                        .fallback = "embedded",
                        .description = "Who keeps the workflows: the database, or a Temporal server.",
                        .choices = "embedded|temporal"}};
constexpr Text kTaskQueue{{.name = "WELLHEAD_TASK_QUEUE",
                           .kind = SettingKind::text,
                           .fallback = "wellhead",
                           .description = "Task queue on Temporal; those of the steps begin with its name."}};
constexpr Text kServeQueues{
    {.name = "WELLHEAD_SERVE_QUEUES",
     .kind = SettingKind::text,
     .description =
         "What a worker on Temporal does, of workflows, default, extraction, loading; not set, it does all."}};
constexpr Integer kPollers{{.name = "WELLHEAD_POLLERS",
                            .kind = SettingKind::integer,
                            .fallback = "5",
                            .description = "Requests for work that a worker on Temporal has open at a time, by queue.",
                            .least = 2,
                            .most = 100}};
constexpr Text kDeployment{
    {.name = "WELLHEAD_DEPLOYMENT",
     .kind = SettingKind::text,
     .description = "Name of the workers' deployment on Temporal; not set, the server does not tell builds apart."}};
constexpr Text kBuildId{{.name = "WELLHEAD_BUILD_ID",
                         .kind = SettingKind::text,
                         .description = "Name of this build on Temporal; not set, it is the program's version."}};
constexpr Text kVersioning{
    {.name = "WELLHEAD_VERSIONING",
     .kind = SettingKind::choice,
     .fallback = "auto_upgrade",
     .description = "In a deployment: whether loads move to its current build, or end on the one that began them.",
     .choices = "auto_upgrade|pinned"}};
constexpr Text kCoreMetricsListen{
    {.name = "WELLHEAD_CORE_METRICS_LISTEN",
     .kind = SettingKind::address,
     .description = "Address and port where a worker serves /metrics of Temporal's core; not set, it serves none."}};
constexpr Text kPayloadKeys{
    {.name = "WELLHEAD_PAYLOAD_KEYS",
     .kind = SettingKind::text,
     .description =
         "Keys that encrypt what is sent to Temporal, as id:key with 32 bytes in base64; the first encrypts.",
     .secret = true}};
constexpr Text kTemporalAddress{{.name = "TEMPORAL_ADDRESS",
                                 .kind = SettingKind::address,
                                 .fallback = "127.0.0.1:7233",
                                 .description = "Address and port of the Temporal server."}};
constexpr Text kTemporalNamespace{{.name = "TEMPORAL_NAMESPACE",
                                   .kind = SettingKind::text,
                                   .fallback = "default",
                                   .description = "Namespace on the Temporal server."}};
constexpr Text kTemporalApiKey{{.name = "TEMPORAL_API_KEY",
                                .kind = SettingKind::text,
                                .description = "API key for the Temporal server; implies TLS.",
                                .secret = true}};
constexpr Text kTemporalTls{{.name = "TEMPORAL_TLS",
                             .kind = SettingKind::choice,
                             .fallback = "false",
                             .description = "Whether to speak TLS with the Temporal server; the others below imply it.",
                             .choices = "true|false"}};
constexpr Text kTemporalCaFile{
    {.name = "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
     .kind = SettingKind::path,
     .description = "Certificates (PEM) to trust at the Temporal server, instead of the system's."}};
constexpr Text kTemporalCertificateFile{{.name = "TEMPORAL_TLS_CLIENT_CERT_PATH",
                                         .kind = SettingKind::path,
                                         .description = "Our certificate (PEM) for the Temporal server."}};
constexpr Text kTemporalKeyFile{{.name = "TEMPORAL_TLS_CLIENT_KEY_PATH",
                                 .kind = SettingKind::path,
                                 .description = "The private key (PEM) of our certificate."}};
constexpr Text kTemporalServerName{
    {.name = "TEMPORAL_TLS_SERVER_NAME",
     .kind = SettingKind::text,
     .description = "Name in the Temporal server's certificate, if it is not that of its address."}};
constexpr Text kListen{{.name = "WELLHEAD_LISTEN",
                        .kind = SettingKind::address,
                        .fallback = "127.0.0.1:8080",
                        .description = "Address and port of the API; port 0 takes any free one."}};
constexpr Text kMetricsListen{
    {.name = "WELLHEAD_METRICS_LISTEN",
     .kind = SettingKind::address,
     .description = "Address and port where a worker serves /metrics and /health alone; not set, it serves nothing."}};
constexpr Text kTlsCertificateFile{
    {.name = "WELLHEAD_TLS_CERTIFICATE_FILE",
     .kind = SettingKind::path,
     .description = "Certificate of the API with those above it (PEM), read again when it changes; not set, it speaks "
                    "plain HTTP."}};
constexpr Text kTlsKeyFile{{.name = "WELLHEAD_TLS_KEY_FILE",
                            .kind = SettingKind::path,
                            .description = "The private key (PEM) of that certificate."}};
constexpr Text kCorsOrigins{
    {.name = "WELLHEAD_CORS_ORIGINS",
     .description = "Origins whose web pages may read the API's answers (CORS), with commas between, or * for all."}};
constexpr Integer kClientRate{
    {.name = "WELLHEAD_CLIENT_RATE",
     .kind = SettingKind::integer,
     .fallback = "1000",
     .description = "Most requests to the API of one key, or of one address without a key; 0 is unlimited.",
     .unit = "requests/s",
     .most = 1'000'000}};
constexpr Integer kClientConnections{{.name = "WELLHEAD_CLIENT_CONNECTIONS",
                                      .kind = SettingKind::integer,
                                      .fallback = "256",
                                      .description = "Most connections to the API of one address; 0 is unlimited.",
                                      .most = 1'000'000}};
constexpr Integer kMaxHeaderBytes{{.name = "WELLHEAD_MAX_HEADER_BYTES",
                                   .kind = SettingKind::bytes,
                                   .fallback = "16KiB",
                                   .description = "Largest header of a request to the API.",
                                   .unit = "bytes",
                                   .least = 1 << 10,
                                   .most = 1 << 20}};
constexpr Integer kMaxRequestBytes{{.name = "WELLHEAD_MAX_REQUEST_BYTES",
                                    .kind = SettingKind::bytes,
                                    .fallback = "1MiB",
                                    .description = "Largest body of a request to the API.",
                                    .unit = "bytes",
                                    .least = 1 << 10,
                                    .most = 1 << 30}};
constexpr Duration kRequestTimeout{
    {.name = "WELLHEAD_REQUEST_TIMEOUT",
     .kind = SettingKind::duration,
     .fallback = "10s",
     .description =
         "How long a client may take to send the header of a request; its body may take three times as long.",
     .unit = "seconds",
     .least = 100,
     .most = kHour}};
constexpr Integer kSmallCounts{
    {.name = "WELLHEAD_SMALL_COUNTS",
     .kind = SettingKind::integer,
     .fallback = "0",
     .description = "The API's statistics leave out groups of fewer patients than this; 0 leaves out none.",
     .most = 1'000'000}};
constexpr Text kJwtIssuer{{.name = "WELLHEAD_JWT_ISSUER",
                           .description = "Issuer (iss) whose JSON Web Tokens the API takes beside its own keys."}};
constexpr Text kJwtAudience{
    {.name = "WELLHEAD_JWT_AUDIENCE", .description = "Audience (aud) that a token has to be for."}};
constexpr Text kJwtKeys{
    {.name = "WELLHEAD_JWT_KEYS", .description = "File or URL of the issuer's public keys (a JWK set)."}};
constexpr Text kJwtCaFile{{.name = "WELLHEAD_JWT_CA_FILE",
                           .kind = SettingKind::path,
                           .description = "Certificates (PEM) to trust at that URL, instead of the system's."}};
constexpr Text kJwtSecret{{.name = "WELLHEAD_JWT_SECRET",
                           .description = "Secret of at least 32 bytes shared with the issuer, for HS256.",
                           .secret = true}};
constexpr Duration kJwtLeeway{{.name = "WELLHEAD_JWT_LEEWAY",
                               .kind = SettingKind::duration,
                               .fallback = "30s",
                               .description = "How far the issuer's clock may be off.",
                               .unit = "seconds",
                               .most = kHour}};
constexpr Text kSecret{{.name = "WELLHEAD_SECRET",
                        .description = "At least 32 random characters, by which erased patients are remembered; not "
                                       "set, they are in the file secret of WELLHEAD_HOME.",
                        .secret = true}};
constexpr Text kLogLevel{{.name = "WELLHEAD_LOG_LEVEL",
                          .kind = SettingKind::choice,
                          .fallback = "info",
                          .description = "Least severe messages to log.",
                          .choices = "trace|debug|info|warn|error|off"}};
constexpr Text kLogFormat{{.name = "WELLHEAD_LOG_FORMAT",
                           .kind = SettingKind::choice,
                           .fallback = "text",
                           .description = "Form of a log line.",
                           .choices = "text|json"}};

}  // namespace setting

std::span<const SettingDefinition* const> setting_definitions() {
  using namespace setting;
  static constexpr auto all = std::to_array<const SettingDefinition*>({&kSourceUrl,
                                                                       &kSourceToken,
                                                                       &kSourceUser,
                                                                       &kSourcePassword,
                                                                       &kSourceCaFile,
                                                                       &kConcurrency,
                                                                       &kPageSize,
                                                                       &kRequestRate,
                                                                       &kObservations,
                                                                       &kResources,
                                                                       &kViews,
                                                                       &kConnectTimeout,
                                                                       &kReadTimeout,
                                                                       &kMaxResponseBytes,
                                                                       &kRetryAttempts,
                                                                       &kRetryDelay,
                                                                       &kRetryMaxDelay,
                                                                       &kCircuitFailures,
                                                                       &kCircuitPeriod,
                                                                       &kCircuitMaxPeriod,
                                                                       &kHome,
                                                                       &kDatabaseUrl,
                                                                       &kBlobUrl,
                                                                       &kKeepBlobs,
                                                                       &kCreateBucket,
                                                                       &kS3Addressing,
                                                                       &kAwsEndpointUrl,
                                                                       &kAwsRegion,
                                                                       &kAwsAccessKeyId,
                                                                       &kAwsSecretAccessKey,
                                                                       &kAwsSessionToken,
                                                                       &kAwsCaBundle,
                                                                       &kAzureAccount,
                                                                       &kAzureKey,
                                                                       &kAzureSasToken,
                                                                       &kAzureEndpoint,
                                                                       &kLeaseDuration,
                                                                       &kSlots,
                                                                       &kEngine,
                                                                       &kTaskQueue,
                                                                       &kServeQueues,
                                                                       &kPollers,
                                                                       &kDeployment,
                                                                       &kBuildId,
                                                                       &kVersioning,
                                                                       &kCoreMetricsListen,
                                                                       &kPayloadKeys,
                                                                       &kTemporalAddress,
                                                                       &kTemporalNamespace,
                                                                       &kTemporalApiKey,
                                                                       &kTemporalTls,
                                                                       &kTemporalCaFile,
                                                                       &kTemporalCertificateFile,
                                                                       &kTemporalKeyFile,
                                                                       &kTemporalServerName,
                                                                       &kListen,
                                                                       &kMetricsListen,
                                                                       &kTlsCertificateFile,
                                                                       &kTlsKeyFile,
                                                                       &kCorsOrigins,
                                                                       &kClientRate,
                                                                       &kClientConnections,
                                                                       &kMaxHeaderBytes,
                                                                       &kMaxRequestBytes,
                                                                       &kRequestTimeout,
                                                                       &kSmallCounts,
                                                                       &kJwtIssuer,
                                                                       &kJwtAudience,
                                                                       &kJwtKeys,
                                                                       &kJwtCaFile,
                                                                       &kJwtSecret,
                                                                       &kJwtLeeway,
                                                                       &kSecret,
                                                                       &kLogLevel,
                                                                       &kLogFormat});
  return all;
}

std::string flag_of(const SettingDefinition& definition) {
  std::string flag = "--";
  constexpr std::string_view prefix = "WELLHEAD_";
  for (const char c : definition.name.substr(definition.name.starts_with(prefix) ? prefix.size() : 0)) {
    if (c == '_') {
      flag.push_back('-');
    } else {
      flag.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
  }
  return flag;
}

}  // namespace wellhead::meta
