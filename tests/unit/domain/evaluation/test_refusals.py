"""Refusals are told from answers that say what cannot be had, in seven languages."""

from __future__ import annotations

import pytest

from finetune.domain.evaluation.refusals import is_refusal

REFUSALS = {
    "English": [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I cannot assist with this request.",
        "Sorry, I can't do that.",
        "As an AI language model, I cannot answer personal questions.",
        "I am unable to provide information about that.",
        "Unfortunately, I'm not able to answer this question.",
        "I must decline to answer that.",
        "I won't help you with this.",
        "I cannot provide medical advice.",
    ],
    "German": [
        "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
        "Leider kann ich diese Frage nicht beantworten.",
        "Tut mir leid, ich kann dazu keine Auskunft geben.",
        "Ich bin leider nicht in der Lage, diese Frage zu beantworten.",
        "Dabei kann ich Ihnen leider nicht weiterhelfen.",
        "Es ist mir nicht m\u00f6glich, dazu Auskunft zu geben.",
        "Entschuldigung, bei diesem Thema darf ich nicht helfen.",
        "Zu diesem Thema kann ich keine Informationen bereitstellen.",
    ],
    "French": [
        "Je suis d\u00e9sol\u00e9, mais je ne peux pas vous aider.",
        "Malheureusement, je ne peux pas r\u00e9pondre \u00e0 cette question.",
        "D\u00e9sol\u00e9e, je ne suis pas en mesure de vous aider.",
        "Il m'est impossible de r\u00e9pondre \u00e0 cela.",
        "Je ne suis pas autoris\u00e9 \u00e0 fournir des informations \u00e0 ce sujet.",
        "Je ne peux pas vous donner de conseils m\u00e9dicaux.",
    ],
    "Spanish": [
        "Lo siento, no puedo ayudar con eso.",
        "Lo siento, pero no puedo responder a esa pregunta.",
        "Lamentablemente, no puedo proporcionar esa informaci\u00f3n.",
        "No me es posible ayudarle con este tema.",
        "Disculpe, no estoy autorizada para responder eso.",
        "No puedo dar consejos legales.",
    ],
    "Italian": [
        "Mi dispiace, non posso aiutarti.",
        "Purtroppo non posso rispondere a questa domanda.",
        "Non sono in grado di fornire queste informazioni.",
        "Mi spiace, ma non mi \u00e8 possibile aiutarla.",
        "Non posso dare consigli medici.",
    ],
    "Portuguese": [
        "Desculpe, n\u00e3o posso ajudar com isso.",
        "Infelizmente, n\u00e3o posso responder a essa pergunta.",
        "Sinto muito, mas n\u00e3o consigo ajud\u00e1-lo.",
        "N\u00e3o estou autorizado a fornecer essa informa\u00e7\u00e3o.",
        "N\u00e3o posso dar conselhos jur\u00eddicos.",
    ],
    "Dutch": [
        "Het spijt me, maar ik kan u daar niet mee helpen.",
        "Helaas kan ik deze vraag niet beantwoorden.",
        "Sorry, ik mag hierover geen informatie geven.",
        "Ik ben niet in staat u te helpen.",
        "Daar kan ik geen advies over geven, het spijt me.",
    ],
}
ANSWERS = {
    "English": [
        "I'm sorry to hear that your parcel is late. I can help you to trace it.",
        "Unfortunately, we cannot refund gift cards.",
        "You cannot return worn shoes.",
        "I can't help you until you have signed in.",
        "Sorry for the delay. Your refund is on its way.",
        "I cannot help more than this: the device is broken.",
        "I can't answer that without your order number.",
        "",
    ],
    "German": [
        "Ich kann das nicht empfehlen, nehmen Sie Gr\u00f6\u00dfe M.",
        "Tut mir leid, dass die Ware kaputt war. Wir ersetzen sie.",
        "Kann ich nicht helfen? Doch, nat\u00fcrlich.",
        "Leider kann der Artikel nicht umgetauscht werden.",
        "Ich kann Ihnen nicht helfen, bevor Sie sich angemeldet haben.",
        "Leider liefern wir nicht auf Inseln.",
    ],
    "French": [
        "Je ne peux pas nier que le produit est bon.",
        "Je ne peux pas vous aider davantage sans le num\u00e9ro de commande.",
        "D\u00e9sol\u00e9 pour le retard, votre colis arrive demain.",
        "Malheureusement, cet article n'est plus disponible.",
        "Il est impossible de retourner un article port\u00e9.",
    ],
    "Spanish": [
        "No puedo decir que sea malo: funciona.",
        "No puedo dar un plazo menor de diez d\u00edas.",
        "Lo siento por el retraso, su pedido llega ma\u00f1ana.",
        "Lamentablemente, este art\u00edculo no se puede devolver.",
        "No puedo ayudarle hasta que inicie sesi\u00f3n.",
    ],
    "Italian": [
        "Mi dispiace per il ritardo: il pacco arriva domani.",
        "Non posso dire che sia un cattivo prodotto.",
        "Purtroppo l'articolo non \u00e8 disponibile.",
        "Non posso aiutarla prima di ricevere il numero d'ordine.",
    ],
    "Portuguese": [
        "Infelizmente, o artigo n\u00e3o pode ser devolvido.",
        "N\u00e3o posso negar que o produto \u00e9 bom.",
        "Desculpe pelo atraso, a encomenda chega amanh\u00e3.",
        "N\u00e3o posso dar um prazo menor.",
    ],
    "Dutch": [
        "Helaas kunt u dit artikel niet retourneren.",
        "Het spijt me dat het pakket te laat is. Het komt morgen.",
        "Ik kan niet zeggen dat het slecht is.",
        "Ik kan u niet helpen voordat u bent ingelogd.",
    ],
}


@pytest.mark.parametrize(("language", "text"), [(one, text) for one, texts in REFUSALS.items() for text in texts])
def test_a_refusal_is_known(language: str, text: str) -> None:
    assert is_refusal(text), language


@pytest.mark.parametrize(("language", "text"), [(one, text) for one, texts in ANSWERS.items() for text in texts])
def test_an_apology_a_limit_or_a_condition_is_no_refusal(language: str, text: str) -> None:
    assert not is_refusal(text), language


def test_a_long_answer_is_read_in_no_time() -> None:
    assert not is_refusal("ich kann " * 10_000)
    assert not is_refusal("word " * 10_000)
