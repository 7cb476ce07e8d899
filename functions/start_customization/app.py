"""Start Customization Job: take a place for the endpoint, then start the candidate's job, or use the one started."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, customization, media, places, trained, waiting
from finetune.contracts import StartCustomizationInput
from finetune.environment import CustomizationEnvironment, WaitingEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = StartCustomizationInput.model_validate(event)

    environment = CustomizationEnvironment.read()
    taking = places.Taking.within(environment)
    trained.require_turn(clients.s3(), request.prepared)

    def require_all() -> None:
        media.require_unchanged(clients.s3(), request.run, request.prepared)
        places.take_all(taking, request.run, request.prepared)

    with waiting.told(clients.s3(), clients.sns(), request.run, WaitingEnvironment.read().TOPIC_ARN):
        job = customization.start_job(clients.bedrock(), request, environment, before=require_all)

    return job.payload()
