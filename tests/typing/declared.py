from uuid import UUID

from crmkit import Decimals, Money, Number, Owned, Pipelined, Reader, Writer, computed, entity, field, ref, translator

_ = translator("x")


@entity("acme.deal", label=_("Deal"))
class Deal(Owned, Pipelined):
    number: str = field(Number("D"), init=False)
    name: str = field(search=True)
    company_id: UUID | None = ref("acme.company", default=None)
    amount: Money | None = field(default=None)

    @computed(Decimals(2), needs=["amount"])
    def double(self) -> int:
        return 2


deal = Deal(name="x", company_id=None)
reveal_type(deal.created_at)  # R: datetime.datetime
reveal_type(deal.owner_id)  # R: uuid.UUID | None
reveal_type(deal.double)  # R: int
Deal()  # E: Missing named argument "name"
Deal(name=3)  # E: Argument "name" to "Deal" has incompatible type "int"
Deal(name="x", version=3)  # E: Unexpected keyword argument "version"
deal.name = "y"  # E: is read-only


def use(db: Reader, writer: Writer) -> None:
    reveal_type(db.find(Deal, "amount >= 3"))  # R: list[
    reveal_type(db.find(Deal, (Deal.f.stage == "won") & (Deal.f.amount >= 3)))  # R: list[
    reveal_type(writer.update(deal, amount=None))  # R: Deal
