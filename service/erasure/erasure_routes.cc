#include "service/erasure/erasure_routes.h"

#include <functional>
#include <utility>

#include "library/webserver/problem.h"
#include "service/resource/routes.h"

namespace wellhead::erasure {
namespace {

using webserver::Method;
using webserver::Parameter;
using webserver::ParameterIn;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

constexpr const char* kSchema = R"json({
  "type": "object", "additionalProperties": false, "description": "What was erased.",
  "required": ["patients", "rows", "rejects", "raw_resources", "raw_blobs", "staged_blobs"],
  "properties": {
    "patients": {"type": "integer", "description": "Patients that no later load brings back."},
    "rows": {"type": "integer", "description": "Rows of all tables."},
    "rejects": {"type": "integer", "description": "Rejected resources."},
    "raw_resources": {"type": "integer", "description": "Resources as received, all versions of them."},
    "raw_blobs": {"type": "integer", "description": "Raw blobs that were written anew without them."},
    "staged_blobs": {"type": "integer", "description": "Staged CSV blobs of ended loads that were deleted."}
  }
})json";
constexpr const char* kExample =
    R"json({"patients": 1, "rows": 41, "rejects": 0, "raw_resources": 83, "raw_blobs": 2, "staged_blobs": 4})json";

OnBehalf on_behalf(const Request& request) {
  return {request.principal ? request.principal->id : "local", request.client, request.id};
}

Response only_reads(const std::string& request_id) {
  return to_response(webserver::Problem{503, "read_only", "This server only reads: send this to one that loads", {}},
                     request_id);
}

Task<Response> erase(webserver::BlockingPool* pool, webserver::Worker* worker, std::function<Erased()> work) {
  auto running = pool->run<Erased>(*worker, std::move(work));
  const Erased erased = co_await running;
  co_return Response::json(meta::to_json(erased));
}

Task<Response> erase_patient(ErasureOperations* operations, webserver::BlockingPool* pool, Request request) {
  if (operations == nullptr) co_return only_reads(request.id);
  const std::string id(*request.arguments.text("id"));
  const OnBehalf by = on_behalf(request);
  std::function<Erased()> work = [operations, id, by] { return operations->erase_patient(id, by); };
  Response response = co_await erase(pool, request.worker, std::move(work));
  co_return response;
}

Task<Response> erase_zipcode(ErasureOperations* operations, webserver::BlockingPool* pool, Request request) {
  if (operations == nullptr) co_return only_reads(request.id);
  const meta::Zipcode zipcode = meta::Zipcode::parse(*request.arguments.text("zipcode"));
  const OnBehalf by = on_behalf(request);
  std::function<Erased()> work = [operations, zipcode, by] { return operations->erase_zipcode(zipcode, by); };
  Response response = co_await erase(pool, request.worker, std::move(work));
  co_return response;
}

Route erasure_route(std::string path, std::string tag, std::string operation_id, std::string summary,
                    std::string description) {
  Route route;
  route.method = Method::del;
  route.path = std::move(path);
  route.operation_id = std::move(operation_id);
  route.tag = std::move(tag);
  route.summary = std::move(summary);
  route.description = std::move(description);
  route.responses = {{.description = "It is erased.", .schema = "Erased", .example = kExample}};
  route.problems = {404, 409, 503};
  route.access = webserver::Access::administer;
  return route;
}

}  // namespace

void add_erasure_routes(ErasureOperations* operations, webserver::BlockingPool& pool, webserver::RouteTable& table) {
  table.add_schema({"Erased", kSchema});
  Route patient = erasure_route("/patients/{id}", "Patients", "erase_patient", "Erase a patient",
                                "Deletes the patient's rows, rejects and resources as received, and remembers a keyed "
                                "digest of the id, so that no "
                                "later load brings the patient back unless it is told to. The audit trail keeps the "
                                "id. 409 while a load that has "
                                "received the patient is under way.");
  patient.parameters = {resource::id_parameter(ParameterIn::path, "id", "Logical id of the patient.")};
  patient.handler = [operations, all = &pool](Request request) {
    return erase_patient(operations, all, std::move(request));
  };
  table.add(std::move(patient));
  Route zipcode =
      erasure_route("/zipcodes/{zipcode}", "Zip codes", "erase_zipcode", "Erase a zip code",
                    "Erases its patients but those that other zip codes have too. 409 while it is loading.");
  Parameter which;
  which.name = "zipcode";
  which.in = ParameterIn::path;
  which.type = ParameterType::zipcode;
  which.description = "The zip code.";
  which.example = "02139";
  zipcode.parameters.push_back(std::move(which));
  zipcode.handler = [operations, all = &pool](Request request) {
    return erase_zipcode(operations, all, std::move(request));
  };
  table.add(std::move(zipcode));
}

}  // namespace wellhead::erasure
