"""Plan Run: claim the run for this execution, pin its inputs and check what they ask for."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import askable, base_models, ceilings, clients, elsewhere, ownership, price_list, runs, serving
from finetune.contracts import PlanRunInput
from finetune.domain import catalog
from finetune.environment import PlanEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = PlanRunInput.model_validate(event)
    environment = PlanEnvironment.read()

    named = runs.identify(
        request.request, artifact_bucket=environment.ARTIFACT_BUCKET, execution_arn=request.execution_arn
    )
    run = ownership.settled(clients.s3(), clients.ssm(), environment.STACK_NAME, named)
    if not runs.claim(clients.s3(), run):
        return run.payload()

    settings = runs.planned_settings(clients.s3(), run)
    row = catalog.base_model(settings.base_model)
    catalog.require_method(row, settings.method)
    accepted = bool(run.resume or run.evaluate) or base_models.accepts_jobs(clients.bedrock(), row, settings.method)
    catalog.require_active(row, accepted=accepted, region=clients.bedrock().meta.region_name)
    askable.require_allowed(settings.judge.model, environment.JUDGE_MODELS)
    champion = serving.champion(clients.bedrock(), clients.ssm(), environment.STACK_NAME, run.slug)
    elsewhere.require_usable(clients.bedrock(), run, row, champion, stack=environment.STACK_NAME)
    ceilings.take_today(clients.s3(), run, environment.MOST_RUNS_PER_DAY)
    askable.require_askable(clients.bedrock_runtime(), askable.models_asked(row, settings))

    listed = price_list.listed(clients.pricing(), row, settings, clients.bedrock().meta.region_name)

    return runs.plan(clients.s3(), run, settings, row, champion, environment.ceilings, listed).payload()
