#include "tests/functional/temporal_histories.h"

#include <temporal/api/workflowservice/v1/request_response.pb.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace wellhead::functional {
namespace {

namespace history = ::temporal::api::history::v1;
namespace service = ::temporal::api::workflowservice::v1;

// Who did it is nobody's business, and another one's each time.
void make_anonymous(history::HistoryEvent& event) {
  constexpr const char* nobody = "worker";
  if (event.has_workflow_execution_started_event_attributes()) {
    event.mutable_workflow_execution_started_event_attributes()->set_identity(nobody);
  } else if (event.has_workflow_task_scheduled_event_attributes()) {
    event.mutable_workflow_task_scheduled_event_attributes()->mutable_task_queue()->set_name("queue");
  } else if (event.has_workflow_task_started_event_attributes()) {
    event.mutable_workflow_task_started_event_attributes()->set_identity(nobody);
  } else if (event.has_workflow_task_completed_event_attributes()) {
    event.mutable_workflow_task_completed_event_attributes()->set_identity(nobody);
  } else if (event.has_workflow_task_failed_event_attributes()) {
    event.mutable_workflow_task_failed_event_attributes()->set_identity(nobody);
  } else if (event.has_activity_task_started_event_attributes()) {
    event.mutable_activity_task_started_event_attributes()->set_identity(nobody);
  } else if (event.has_activity_task_completed_event_attributes()) {
    event.mutable_activity_task_completed_event_attributes()->set_identity(nobody);
  } else if (event.has_activity_task_failed_event_attributes()) {
    event.mutable_activity_task_failed_event_attributes()->set_identity(nobody);
  } else if (event.has_workflow_execution_signaled_event_attributes()) {
    event.mutable_workflow_execution_signaled_event_attributes()->set_identity(nobody);
  } else if (event.has_workflow_execution_cancel_requested_event_attributes()) {
    event.mutable_workflow_execution_cancel_requested_event_attributes()->set_identity(nobody);
  }
}

}  // namespace

std::vector<std::filesystem::path> recorded_histories() {
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& entry :
       std::filesystem::directory_iterator(WELLHEAD_SOURCE_DIR "/tests/functional/testdata", none)) {
    if (entry.path().extension() == ".history") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

history::History read_history(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  history::History read;
  if (bytes.empty() || !read.ParseFromString(bytes)) throw std::runtime_error(file.string() + " is no history");
  return read;
}

std::string history_bytes(const fixture::TemporalServer& server, const std::string& workflow_id) {
  service::GetWorkflowExecutionHistoryRequest request;
  request.set_namespace_("default");
  request.mutable_execution()->set_workflow_id(workflow_id);
  service::GetWorkflowExecutionHistoryResponse answer;
  answer.ParseFromString(server.request("GetWorkflowExecutionHistory", request.SerializeAsString()));
  if (!answer.next_page_token().empty()) throw std::runtime_error(workflow_id + " has a history of several pages");
  return answer.history().SerializeAsString();
}

void record_history(const fixture::TemporalServer& server, const std::string& workflow_id, const std::string& name) {
  const char* directory = std::getenv("WELLHEAD_RECORD_HISTORIES");
  if (directory == nullptr) return;
  history::History known;
  known.ParseFromString(history_bytes(server, workflow_id));
  for (auto& event : *known.mutable_events()) make_anonymous(event);
  std::ofstream(std::filesystem::path(directory) / (name + ".history"), std::ios::binary) << known.SerializeAsString();
}

}  // namespace wellhead::functional
